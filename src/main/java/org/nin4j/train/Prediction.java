package org.nin4j.train;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What a network says about one image.
 *
 * @param classes their names by label
 * @param probabilities by label, summing to 1
 */
public record Prediction(List<String> classes, List<Double> probabilities) {
  /** A class and how probable it is. */
  public record Answer(int label, String name, double probability) {}

  public Prediction {
    classes = List.copyOf(classes);
    probabilities = List.copyOf(probabilities);
    if (classes.size() != probabilities.size() || classes.isEmpty()) {
      throw new IllegalArgumentException("a prediction has one probability for each class");
    }
  }

  /**
   * From a row of logits: exp(z − max z) / Σ exp(z − max z).
   *
   * @param logits [rows, classes]
   */
  static Prediction of(List<String> classes, float[] logits, int row) {
    int first = row * classes.size();
    double largest = Double.NEGATIVE_INFINITY;
    for (int k = 0; k < classes.size(); k++) {
      largest = Math.max(largest, logits[first + k]);
    }
    double sum = 0;
    List<Double> exponentials = new ArrayList<>();
    for (int k = 0; k < classes.size(); k++) {
      double exponential = Math.exp(logits[first + k] - largest);
      exponentials.add(exponential);
      sum += exponential;
    }
    double total = sum;
    return new Prediction(classes, exponentials.stream().map(e -> e / total).toList());
  }

  /** The most probable classes, most probable first; of equal ones the lower label first. */
  public List<Answer> top(int count) {
    return IntStream.range(0, classes.size())
        .mapToObj(i -> new Answer(i, classes.get(i), probabilities.get(i)))
        .sorted(Comparator.comparingDouble(Answer::probability).reversed())
        .limit(count)
        .toList();
  }

  /** The most probable class. */
  public Answer best() {
    return top(1).get(0);
  }
}
