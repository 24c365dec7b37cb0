package org.nin4j.study;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import org.nin4j.train.history.EpochResult;

/**
 * What came out of a variant's runs.
 *
 * @param variant which
 * @param runs how many are planned
 * @param ended those that have ended, in the order of their seeds
 */
record VariantResults(Study.Variant variant, int runs, List<RunResult> ended) {
  static List<VariantResults> of(StudyPlan plan, Map<PlannedRun, RunResult> results) {
    return plan.study().variants().stream()
        .map(
            variant -> {
              List<PlannedRun> runs = plan.runs(variant);
              List<RunResult> ended =
                  runs.stream().filter(results::containsKey).map(results::get).toList();
              return new VariantResults(variant, runs.size(), ended);
            })
        .toList();
  }

  String name() {
    return variant.name();
  }

  /** Those that came to their end. */
  List<RunResult> trained() {
    return ended.stream().filter(r -> !r.diverged()).toList();
  }

  /** A value of the last epoch, for each run that came to its end. */
  List<Double> last(ToDoubleFunction<EpochResult> value) {
    return trained().stream().flatMap(r -> r.last().stream()).map(value::applyAsDouble).toList();
  }

  /** The same as text, seed after seed. */
  Optional<String> counts(ToIntFunction<EpochResult> count) {
    return trained().stream()
        .flatMap(r -> r.last().stream())
        .map(r -> String.valueOf(count.applyAsInt(r)))
        .reduce((a, b) -> a + ", " + b);
  }

  /** Mean over the runs that have completed the epoch; empty where none has. */
  Optional<Double> mean(int epoch, ToDoubleFunction<EpochResult> value) {
    List<Double> values =
        trained().stream()
            .flatMap(r -> r.history().epochs().stream())
            .filter(r -> r.epoch() == epoch)
            .map(value::applyAsDouble)
            .toList();
    return values.isEmpty() ? Optional.empty() : Optional.of(Numbers.mean(values));
  }

  int epochs() {
    return trained().stream().mapToInt(r -> r.history().epochs().size()).max().orElse(0);
  }

  /** What is the same for all seeds. */
  Optional<Resources> resources() {
    return ended.stream().map(RunResult::resources).findFirst();
  }

  /** The largest of what was measured; empty where nothing was. */
  OptionalLong measured(Function<Resources, OptionalLong> bytes) {
    return ended.stream()
        .map(RunResult::resources)
        .map(bytes)
        .flatMapToLong(OptionalLong::stream)
        .max();
  }

  Optional<Double> trainedPerSecond() {
    return average(trained().stream().flatMap(r -> r.trainedPerSecond().stream()).toList());
  }

  Optional<Double> predictedPerSecond() {
    return average(trained().stream().map(r -> r.resources().predictionsPerSecond()).toList());
  }

  private static Optional<Double> average(List<Double> values) {
    return values.isEmpty() ? Optional.empty() : Optional.of(Numbers.mean(values));
  }

  /** Distinct texts of the runs, in their order. */
  static String distinct(List<VariantResults> all, Function<RunResult, String> text) {
    return all.stream()
        .flatMap(v -> v.ended().stream())
        .map(text)
        .distinct()
        .collect(Collectors.joining("; "));
  }
}
