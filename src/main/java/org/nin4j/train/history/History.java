package org.nin4j.train.history;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The results of a run's epochs.
 *
 * @param epochs in order
 */
public record History(List<EpochResult> epochs) {
  /** Before the first epoch. */
  public static final History EMPTY = new History(List.of());

  private static final String HEADER =
      "epoch,train_loss,train_accuracy,test_loss,test_accuracy,test_top5_accuracy,"
          + "seconds,images_per_second,learning_rate,dead_units,dead_classes";

  public History {
    epochs = List.copyOf(epochs);
  }

  /** This history and one more epoch. */
  public History with(EpochResult result) {
    List<EpochResult> more = new ArrayList<>(epochs);
    more.add(result);
    return new History(more);
  }

  /** The last epoch. */
  public Optional<EpochResult> last() {
    return epochs.isEmpty() ? Optional.empty() : Optional.of(epochs.get(epochs.size() - 1));
  }

  /** A line of column names and one for each epoch; every number reads back as the same value. */
  public String toCsv() {
    return Stream.concat(Stream.of(HEADER), epochs.stream().map(History::line))
        .collect(Collectors.joining("\n", "", "\n"));
  }

  /** An epoch's values by the names of their columns, in order. */
  public static Map<String, Number> columns(EpochResult r) {
    List<Number> values =
        List.of(
            r.epoch(),
            r.trainLoss(),
            r.trainAccuracy(),
            r.testLoss(),
            r.testAccuracy(),
            r.testTop5(),
            r.seconds(),
            r.imagesPerSecond(),
            r.learningRate(),
            r.deadUnits(),
            r.deadClasses());
    String[] names = HEADER.split(",");
    Map<String, Number> columns = new LinkedHashMap<>();
    for (int i = 0; i < names.length; i++) {
      columns.put(names[i], values.get(i));
    }
    return Collections.unmodifiableMap(columns);
  }

  private static String line(EpochResult result) {
    return columns(result).values().stream().map(String::valueOf).collect(Collectors.joining(","));
  }

  /**
   * Reads what {@link #toCsv} wrote.
   *
   * @throws IllegalArgumentException if it is something else
   */
  public static History parseCsv(String csv) {
    List<String> lines = csv.lines().toList();
    if (lines.isEmpty() || !lines.get(0).equals(HEADER)) {
      throw new IllegalArgumentException("a history begins with the line " + HEADER);
    }
    return new History(lines.stream().skip(1).map(History::parse).toList());
  }

  private static EpochResult parse(String line) {
    String[] v = line.split(",", -1);
    if (v.length != HEADER.split(",").length) {
      throw new IllegalArgumentException("no line of a history: " + line);
    }
    try {
      return new EpochResult(
          Integer.parseInt(v[0]),
          Double.parseDouble(v[1]),
          Double.parseDouble(v[2]),
          Double.parseDouble(v[3]),
          Double.parseDouble(v[4]),
          Double.parseDouble(v[5]),
          Double.parseDouble(v[6]),
          Double.parseDouble(v[7]),
          Float.parseFloat(v[8]),
          Integer.parseInt(v[9]),
          Integer.parseInt(v[10]));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("no line of a history: " + line, e);
    }
  }
}
