package org.nin4j.study;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.nin4j.text.Text;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.recipe.RecipeJson;

/** The report of a study as text. */
final class StudyMarkdown {
  private static final String NONE = "–";

  private final StudyPlan plan;
  private final Map<PlannedRun, RunResult> results;
  private final List<VariantResults> variants;
  private final StringBuilder text = new StringBuilder();

  private StudyMarkdown(StudyPlan plan, Map<PlannedRun, RunResult> results) {
    this.plan = plan;
    this.results = results;
    variants = VariantResults.of(plan, results);
  }

  /**
   * Writes the report.
   *
   * @param studyCommand makes it
   * @param command trains a run
   * @param plots the pictures that there are
   */
  static String text(
      StudyPlan plan,
      Map<PlannedRun, RunResult> results,
      String studyCommand,
      Function<PlannedRun, String> command,
      List<String> plots) {
    StudyMarkdown report = new StudyMarkdown(plan, results);
    report.head(studyCommand);
    if (!results.isEmpty()) {
      report.accuracy(plots);
      report.resources(plots);
    }
    report.runs(command);
    report.notes();
    return report.text.toString();
  }

  private void line(String line) {
    text.append(line).append('\n');
  }

  private void paragraph(String line) {
    line(line);
    line("");
  }

  private void plot(String file, List<String> plots) {
    if (plots.contains(file)) {
      paragraph(Text.of("![%s](%s)", file.replace(".png", ""), file));
    }
  }

  private void table(List<String> titles, List<List<String>> rows) {
    line(row(titles));
    line(titles.stream().map(t -> "---").collect(Collectors.joining("|", "|", "|")));
    rows.forEach(cells -> line(row(cells)));
    line("");
  }

  private static String row(List<String> cells) {
    return cells.stream()
        .map(c -> c.replace("|", "\\|"))
        .collect(Collectors.joining(" | ", "| ", " |"));
  }

  private void head(String studyCommand) {
    Study study = plan.study();
    paragraph("# " + study.name());
    paragraph(study.question());
    paragraph(Text.of("Made by `%s`%s.", studyCommand, plan.quick() ? ", the quick form" : ""));
    long diverged = results.values().stream().filter(RunResult::diverged).count();
    paragraph(
        Text.of(
            "%d of %d runs are done%s. All variants have in common: %s.",
            results.size(),
            plan.runs().size(),
            diverged == 0 ? "" : Text.of(", %d of them diverged", diverged),
            plan.quick() ? study.base().with(study.quick()) : study.base()));
    if (!results.isEmpty()) {
      line("- Images: " + VariantResults.distinct(variants, RunResult::data));
      line("- Device: " + VariantResults.distinct(variants, RunResult::device));
      line(
          "- Computed in: "
              + VariantResults.distinct(
                  variants, result -> RecipeJson.name(result.recipe().precision())));
      line("");
    }
  }

  private void accuracy(List<String> plots) {
    paragraph("## Accuracy");
    plot(StudyPlots.ACCURACY, plots);
    List<String> titles =
        new ArrayList<>(
            List.of(
                "Variant",
                "Changes",
                "Test accuracy",
                "Top-5",
                "Test loss",
                "Train accuracy",
                "Train loss",
                "Dead classes",
                "Dead units"));
    boolean published = plan.study().variants().stream().anyMatch(v -> !v.published().isEmpty());
    if (published) {
      titles.add("Published");
    }
    List<List<String>> rows = new ArrayList<>();
    for (VariantResults v : variants) {
      List<String> row =
          new ArrayList<>(
              List.of(
                  v.name(),
                  v.variant().changes().toString(),
                  spread(v, EpochResult::testAccuracy) + missing(v),
                  spread(v, EpochResult::testTop5),
                  spread(v, EpochResult::testLoss),
                  spread(v, EpochResult::trainAccuracy),
                  spread(v, EpochResult::trainLoss),
                  v.counts(EpochResult::deadClasses).orElse(NONE),
                  v.counts(EpochResult::deadUnits).orElse(NONE)));
      if (published) {
        row.add(Study.published(v.variant()).orElse(NONE));
      }
      rows.add(row);
    }
    table(titles, rows);
    plot(StudyPlots.LOSS, plots);
  }

  private static String spread(VariantResults variant, ToDoubleFunction<EpochResult> value) {
    List<Double> values = variant.last(value);
    return values.isEmpty() ? NONE : Numbers.spread(values);
  }

  /** What a mean is without. */
  private static String missing(VariantResults variant) {
    int diverged = variant.ended().size() - variant.trained().size();
    int open = variant.runs() - variant.ended().size();
    return (diverged > 0 ? Text.of(", %d of %d diverged", diverged, variant.runs()) : "")
        + (open > 0 ? Text.of(", %d of %d open", open, variant.runs()) : "");
  }

  private void resources(List<String> plots) {
    paragraph("## Resources");
    plot(StudyPlots.RESOURCES, plots);
    List<List<String>> rows = new ArrayList<>();
    for (VariantResults v : variants) {
      Optional<Resources> r = v.resources();
      rows.add(
          List.of(
              v.name(),
              r.map(x -> Text.of("%,d", x.parameters())).orElse(NONE),
              r.map(x -> Text.of("%,d", x.multiplyAdds())).orElse(NONE),
              r.map(x -> Numbers.megabytes(x.trainingPlanned())).orElse(NONE),
              bytes(v.measured(Resources::trainingMeasured)),
              r.map(x -> Numbers.megabytes(x.predictionPlanned())).orElse(NONE),
              bytes(v.measured(Resources::predictionMeasured)),
              v.trainedPerSecond().map(Numbers::speed).orElse(NONE),
              v.predictedPerSecond().map(Numbers::speed).orElse(NONE)));
    }
    table(
        List.of(
            "Variant",
            "Parameters",
            "Multiply-adds",
            "Training planned",
            "Training measured",
            "Prediction planned",
            "Prediction measured",
            "Training images/s",
            "Prediction images/s"),
        rows);
  }

  private static String bytes(OptionalLong bytes) {
    return bytes.isPresent() ? Numbers.megabytes(bytes.getAsLong()) : NONE;
  }

  private void runs(Function<PlannedRun, String> command) {
    paragraph("## Runs");
    List<List<String>> rows = new ArrayList<>();
    for (PlannedRun run : plan.runs()) {
      Optional<RunResult> result = Optional.ofNullable(results.get(run));
      rows.add(
          List.of(
              run.name(),
              result.map(StudyMarkdown::outcome).orElse("open"),
              result.map(r -> Text.of("%.1f s", r.seconds())).orElse(NONE),
              "`" + command.apply(run) + "`"));
    }
    table(List.of("Run", "Test accuracy", "Training steps took", "Command"), rows);
  }

  private static String outcome(RunResult result) {
    return result.divergence().isPresent()
        ? "diverged: " + result.divergence().get()
        : result.last().map(r -> Text.of("%.4f", r.testAccuracy())).orElse(NONE);
  }

  private void notes() {
    paragraph("## How it was measured");
    for (String note :
        List.of(
            "Accuracy and loss are those after the last epoch, on the test images; no epoch is"
                + " chosen by them. After ± stands the standard deviation over the seeds (n − 1);"
                + " runs that diverged are not in the mean.",
            "Published figures are by their authors, with their settings.",
            "Dead are ReLU channels that are 0 everywhere on 64 test images, for each seed; classes"
                + " among them are never answered.",
            "Multiply-adds are those of convolutions and linear layers, forward, for one image.",
            "Memory is for one batch; a MB is 10⁶ bytes. Planned is what the steps hold on the"
                + " device. Measured is what is held more than before, after two training steps, or the"
                + " prediction of the test images, bound by themselves after the training: on a GPU"
                + " by what is free there, on a processor by what the process has of main memory"
                + " (Rss in /proc/self/smaps_rollup). The largest of all seeds.",
            "Images/s are over the training steps of all epochs, making batches included,"
                + " evaluation not; in prediction over the test images once, after three steps.")) {
      line("- " + note);
    }
  }
}
