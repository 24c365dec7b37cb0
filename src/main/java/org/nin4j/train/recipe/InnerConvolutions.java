package org.nin4j.train.recipe;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.nin4j.model.Window;

/**
 * The inner convolutions of NiN blocks as text: kernels separated by commas, each {@code 3x3} or
 * with its padding {@code 3x3p1}; {@code none} where there are none.
 */
public final class InnerConvolutions {
  private static final Pattern ONE = Pattern.compile("(\\d{1,3})[x×](\\d{1,3})(?:p(\\d{1,3}))?");
  private static final String NONE = "none";

  private InnerConvolutions() {}

  /**
   * Reads such a text.
   *
   * @throws IllegalArgumentException if it is not of this form
   */
  public static List<Window> parse(String text) {
    if (text.equals(NONE)) {
      return List.of();
    }
    return Arrays.stream(text.split(",", -1)).map(InnerConvolutions::parseOne).toList();
  }

  private static Window parseOne(String text) {
    Matcher matcher = ONE.matcher(text.strip());
    if (!matcher.matches() || !matcher.group(1).equals(matcher.group(2))) {
      throw new IllegalArgumentException(
          "inner convolutions are written like 1x1,1x1 or 3x3p1 or none, not '" + text + "'");
    }
    int padding = matcher.group(3) == null ? 0 : Integer.parseInt(matcher.group(3));
    return new Window(Integer.parseInt(matcher.group(1)), 1, padding);
  }

  /** Writes such a text. */
  public static String format(List<Window> inner) {
    return inner.isEmpty()
        ? NONE
        : inner.stream()
            .map(w -> w.kernel() + "x" + w.kernel() + (w.padding() == 0 ? "" : "p" + w.padding()))
            .collect(Collectors.joining(","));
  }
}
