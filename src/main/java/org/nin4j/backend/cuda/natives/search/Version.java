package org.nin4j.backend.cuda.natives.search;

import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A dotted version, such as 12.6.85, ordered by its numbers; a missing number counts as 0.
 *
 * @param text as its maker writes it: a driver's 580.65.06 keeps its zero
 */
public record Version(String text) implements Comparable<Version> {
  private static final Pattern DOTTED = Pattern.compile("\\d{1,9}(\\.\\d{1,9})*");

  /** Checks that the text is dotted numbers. */
  public Version {
    if (!DOTTED.matcher(text).matches()) {
      throw new IllegalArgumentException("not a dotted version: " + text);
    }
  }

  static Optional<Version> parse(String text) {
    return DOTTED.matcher(text).matches() ? Optional.of(new Version(text)) : Optional.empty();
  }

  /** The first number. */
  public int major() {
    return number(0);
  }

  /** The second number, or 0. */
  public int minor() {
    return number(1);
  }

  boolean hasMinor() {
    return text.indexOf('.') >= 0;
  }

  private int number(int index) {
    int[] numbers = numbers();
    return index < numbers.length ? numbers[index] : 0;
  }

  private int[] numbers() {
    return Arrays.stream(text.split("\\.")).mapToInt(Integer::parseInt).toArray();
  }

  @Override
  public int compareTo(Version other) {
    int length = Math.max(numbers().length, other.numbers().length);
    return Arrays.compare(Arrays.copyOf(numbers(), length), Arrays.copyOf(other.numbers(), length));
  }

  @Override
  public String toString() {
    return text;
  }
}
