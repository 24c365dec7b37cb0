package org.nin4j.train.recipe;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The channels of the last NiN block as text: numbers separated by commas, the last of them the
 * number of classes; {@code classes} for that number alone.
 */
public final class Reduction {
  private static final String AT_ONCE = "classes";

  private Reduction() {}

  /**
   * Reads such a text.
   *
   * @throws IllegalArgumentException if it is not of this form
   */
  public static List<Integer> parse(String text) {
    if (text.equals(AT_ONCE)) {
      return List.of();
    }
    try {
      return Arrays.stream(text.split(",", -1)).map(s -> Integer.valueOf(s.strip())).toList();
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "the last block's channels are written like 192,10 or classes, not '" + text + "'");
    }
  }

  /** Writes such a text. */
  public static String format(List<Integer> channels) {
    return channels.isEmpty()
        ? AT_ONCE
        : channels.stream().map(String::valueOf).collect(Collectors.joining(","));
  }
}
