package org.nin4j.text;

import java.util.Locale;

/**
 * Text that is the same wherever the program runs. {@link String#formatted} takes the digits of the
 * machine's language, such as Arabic ones, for messages in English and for names of files alike.
 */
public final class Text {
  private Text() {}

  /** As {@link String#format(String, Object...)}, with digits and points as in English. */
  public static String of(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}
