package org.nin4j.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import org.nin4j.data.file.Csv;
import org.nin4j.text.Text;

/**
 * How often which class was answered for images of which.
 *
 * @param classes their names by label
 * @param counts for each true class, by label, how often each class was answered
 */
public record ConfusionMatrix(List<String> classes, List<List<Long>> counts) {
  public ConfusionMatrix {
    classes = List.copyOf(classes);
    counts = counts.stream().map(List::copyOf).toList();
    int size = classes.size();
    if (counts.size() != size || counts.stream().anyMatch(row -> row.size() != size)) {
      throw new IllegalArgumentException(
          "a confusion matrix has a row and a column for each class");
    }
  }

  /**
   * Counts.
   *
   * @param labels the true classes, an image after the other
   * @param answers what was answered for the same images
   */
  public static ConfusionMatrix of(List<String> classes, int[] labels, int[] answers) {
    if (labels.length != answers.length) {
      throw new IllegalArgumentException(
          Text.of("%d images have no %d answers", labels.length, answers.length));
    }
    long[][] counts = new long[classes.size()][classes.size()];
    for (int i = 0; i < labels.length; i++) {
      counts[labels[i]][answers[i]]++;
    }
    List<List<Long>> rows = new ArrayList<>();
    for (long[] row : counts) {
      rows.add(Arrays.stream(row).boxed().toList());
    }
    return new ConfusionMatrix(classes, rows);
  }

  /** How often class {@code answer} was answered for images of class {@code label}. */
  public long count(int label, int answer) {
    return counts.get(label).get(answer);
  }

  /** Images of a class. */
  public long images(int label) {
    return counts.get(label).stream().mapToLong(n -> n).sum();
  }

  /** How often a class was answered. */
  public long answers(int label) {
    return counts.stream().mapToLong(row -> row.get(label)).sum();
  }

  /** Of the images for which the class was answered, the share that is of it; empty without any. */
  public OptionalDouble precision(int label) {
    return share(count(label, label), answers(label));
  }

  /** Of the images of the class, the share for which it was answered; empty without any. */
  public OptionalDouble recall(int label) {
    return share(count(label, label), images(label));
  }

  /**
   * The harmonic mean of precision and recall, 2 · right / (images + answers); empty where the
   * class has no images and was never answered.
   */
  public OptionalDouble f1(int label) {
    return share(2 * count(label, label), images(label) + answers(label));
  }

  /** A line of the answers' names, then one for each true class, by RFC 4180. */
  public String toCsv() {
    StringBuilder text = new StringBuilder();
    List<String> first = new ArrayList<>(List.of("true \\ answered"));
    first.addAll(classes);
    text.append(Csv.line(first)).append(Csv.END);
    for (int row = 0; row < classes.size(); row++) {
      List<String> cells = new ArrayList<>(List.of(classes.get(row)));
      counts.get(row).forEach(n -> cells.add(String.valueOf(n)));
      text.append(Csv.line(cells)).append(Csv.END);
    }
    return text.toString();
  }

  private static OptionalDouble share(long part, long whole) {
    return whole == 0 ? OptionalDouble.empty() : OptionalDouble.of((double) part / whole);
  }
}
