package org.nin4j.study;

import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import org.nin4j.data.file.PartialFile;

/** The files that say what came out: {@code study.md}, {@code study.csv} and pictures. */
public final class StudyReport {
  private final StudyPlan plan;
  private final Path out;
  private final String studyCommand;
  private final Function<PlannedRun, String> command;
  private final Consumer<String> remarks;

  /**
   * A report in a folder.
   *
   * @param studyCommand runs the study
   * @param command trains one of its runs
   * @param remarks receives a line when a picture cannot be drawn
   */
  public StudyReport(
      StudyPlan plan,
      Path out,
      String studyCommand,
      Function<PlannedRun, String> command,
      Consumer<String> remarks) {
    this.plan = plan;
    this.out = out;
    this.studyCommand = studyCommand;
    this.command = command;
    this.remarks = remarks;
  }

  /** The text for people. */
  public Path file() {
    return out.resolve("study.md");
  }

  /**
   * Writes it anew.
   *
   * @throws UncheckedIOException if it cannot be written; what was there is there still
   */
  void write(Map<PlannedRun, RunResult> results) {
    List<String> plots = draw(results);
    PartialFile.write(file(), StudyMarkdown.text(plan, results, studyCommand, command, plots));
    PartialFile.write(out.resolve("study.csv"), StudyCsv.text(plan, results, command));
  }

  private List<String> draw(Map<PlannedRun, RunResult> results) {
    if (results.values().stream().allMatch(RunResult::diverged)) {
      return List.of();
    }
    try {
      return StudyPlots.write(plan.study().name(), VariantResults.of(plan, results), out);
    } catch (RuntimeException | LinkageError | InternalError e) {
      // Machines without fonts or graphics libraries; the numbers are in the tables.
      remarks.accept("the pictures cannot be drawn: " + e);
      return List.of();
    }
  }
}
