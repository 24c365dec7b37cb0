package org.nin4j.cli.output;

import java.nio.file.Path;
import java.util.regex.Pattern;
import org.nin4j.backend.Platform;

/** Words for a POSIX shell, or Windows' command line, so that a printed command can be pasted. */
public final class ShellWords {
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_@%+=:,./-]+");
  private static final Pattern PLAIN_ON_WINDOWS = Pattern.compile("[A-Za-z0-9_@+:./\\\\-]+");

  private ShellWords() {}

  /** The word as it stands where the shell takes it so, else in quotes. */
  public static String quote(String word) {
    return Platform.ofThisMachine().isWindows() ? quoteForWindows(word) : quoteForPosix(word);
  }

  public static String quote(Path path) {
    return quote(path.toString());
  }

  private static String quoteForPosix(String word) {
    return PLAIN.matcher(word).matches() ? word : "'" + word.replace("'", "'\\''") + "'";
  }

  /**
   * Programs divide the line into words by the rules of CommandLineToArgvW: a backslash is one
   * unless backslashes stand before a quote, where they are doubled.
   */
  static String quoteForWindows(String word) {
    if (PLAIN_ON_WINDOWS.matcher(word).matches()) {
      return word;
    }
    return '"' + word.replaceAll("(\\\\*)\"", "$1$1\\\\\"").replaceAll("(\\\\+)$", "$1$1") + '"';
  }
}
