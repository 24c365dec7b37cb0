package org.nin4j.cli.option;

import java.util.function.Function;
import org.nin4j.text.Text;
import picocli.CommandLine.TypeConversionException;

/**
 * Reads the numbers of a command line; what a number type cannot hold is refused, with its bound.
 */
public final class NumberOptions {
  private NumberOptions() {}

  /** A float; not NaN, not infinite, and 0 only if it is written as 0. */
  public static float real(String text) {
    double value = parse(text, Double::valueOf, "a number");
    float nearest = (float) value;
    if (!Float.isFinite(nearest)) {
      throw new TypeConversionException(
          Text.of("'%s' is not between %.2g and %.2g", text, -Float.MAX_VALUE, Float.MAX_VALUE));
    }
    if (nearest == 0 && value != 0) {
      throw new TypeConversionException(
          Text.of("'%s' is too near to 0; the least is %.2g", text, Float.MIN_VALUE));
    }
    return nearest;
  }

  /** A double. */
  public static double precise(String text) {
    return parse(text, Double::valueOf, "a number");
  }

  /** An int. */
  public static int whole(String text) {
    return parse(
        text,
        Integer::valueOf,
        Text.of("a whole number from %d to %d", Integer.MIN_VALUE, Integer.MAX_VALUE));
  }

  /** A long. */
  public static long seed(String text) {
    return parse(
        text,
        Long::valueOf,
        Text.of("a whole number from %d to %d", Long.MIN_VALUE, Long.MAX_VALUE));
  }

  private static <T> T parse(String text, Function<String, T> parser, String expected) {
    try {
      return parser.apply(text);
    } catch (NumberFormatException e) {
      throw new TypeConversionException("'" + text + "' is not " + expected);
    }
  }
}
