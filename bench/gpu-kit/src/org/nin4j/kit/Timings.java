package org.nin4j.kit;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Seconds a step, round by round. */
final class Timings {
  private final int batch;
  private final List<Double> seconds = new ArrayList<>();

  /**
   * @param batch images of a step
   */
  Timings(int batch) {
    this.batch = batch;
  }

  void add(double secondsPerStep) {
    seconds.add(secondsPerStep);
  }

  private List<Double> sorted() {
    return seconds.stream().sorted().toList();
  }

  double median() {
    List<Double> sorted = sorted();
    int middle = sorted.size() / 2;
    return sorted.size() % 2 == 1
        ? sorted.get(middle)
        : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
  }

  double imagesPerSecond() {
    return batch / median();
  }

  Map<String, Object> numbers() {
    List<Double> sorted = sorted();
    Map<String, Object> numbers = new LinkedHashMap<>();
    numbers.put("imagesPerSecond", imagesPerSecond());
    numbers.put("medianSeconds", median());
    numbers.put("leastSeconds", sorted.get(0));
    numbers.put("mostSeconds", sorted.get(sorted.size() - 1));
    numbers.put("rounds", sorted.size());
    return numbers;
  }

  /** Median with the slowest and the fastest round. */
  @Override
  public String toString() {
    List<Double> sorted = sorted();
    return String.format(
        Locale.ROOT,
        "%,.0f images/s (%,.0f to %,.0f)",
        imagesPerSecond(),
        batch / sorted.get(sorted.size() - 1),
        batch / sorted.get(0));
  }
}
