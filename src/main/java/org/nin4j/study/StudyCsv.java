package org.nin4j.study;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.nin4j.data.file.Csv;
import org.nin4j.train.history.EpochResult;

/** A line for each run, after a line of names; by RFC 4180. */
final class StudyCsv {
  private static final List<String> NAMES =
      List.of(
          "study",
          "variant",
          "seed",
          "status",
          "test_accuracy",
          "test_top5_accuracy",
          "test_loss",
          "train_accuracy",
          "train_loss",
          "best_test_accuracy",
          "best_epoch",
          "epochs",
          "dead_classes",
          "dead_units",
          "seconds",
          "train_images_per_second",
          "prediction_images_per_second",
          "parameters",
          "multiply_adds",
          "training_bytes_planned",
          "training_bytes_measured",
          "prediction_bytes_planned",
          "prediction_bytes_measured",
          "device",
          "command");

  private StudyCsv() {}

  static String text(
      StudyPlan plan, Map<PlannedRun, RunResult> results, Function<PlannedRun, String> command) {
    List<List<String>> lines = new ArrayList<>();
    lines.add(NAMES);
    for (PlannedRun run : plan.runs()) {
      List<String> line = new ArrayList<>();
      line.addAll(List.of(plan.study().name(), run.variant().name(), String.valueOf(run.seed())));
      line.addAll(
          results.containsKey(run)
              ? values(results.get(run))
              : cells(Collections.nCopies(NAMES.size() - 5, ""), "open"));
      line.add(command.apply(run));
      lines.add(line);
    }
    return lines.stream().map(line -> Csv.line(line) + Csv.END).collect(Collectors.joining());
  }

  private static List<String> cells(List<String> values, String first) {
    List<String> cells = new ArrayList<>(List.of(first));
    cells.addAll(values);
    return cells;
  }

  private static List<String> values(RunResult result) {
    Optional<EpochResult> last = result.last();
    Resources resources = result.resources();
    return List.of(
        result.diverged() ? "diverged" : "trained",
        of(last.map(EpochResult::testAccuracy)),
        of(last.map(EpochResult::testTop5)),
        of(last.map(EpochResult::testLoss)),
        of(last.map(EpochResult::trainAccuracy)),
        of(last.map(EpochResult::trainLoss)),
        of(result.best().map(EpochResult::testAccuracy)),
        of(result.best().map(EpochResult::epoch)),
        String.valueOf(result.history().epochs().size()),
        of(last.map(EpochResult::deadClasses)),
        of(last.map(EpochResult::deadUnits)),
        String.valueOf(result.seconds()),
        of(result.trainedPerSecond()),
        String.valueOf(resources.predictionsPerSecond()),
        String.valueOf(resources.parameters()),
        String.valueOf(resources.multiplyAdds()),
        String.valueOf(resources.trainingPlanned()),
        of(resources.trainingMeasured()),
        String.valueOf(resources.predictionPlanned()),
        of(resources.predictionMeasured()),
        result.device());
  }

  private static String of(Optional<?> value) {
    return value.map(String::valueOf).orElse("");
  }

  private static String of(OptionalLong value) {
    return value.isPresent() ? String.valueOf(value.getAsLong()) : "";
  }
}
