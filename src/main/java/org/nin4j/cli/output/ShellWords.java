package org.nin4j.cli.output;

import java.nio.file.Path;
import java.util.regex.Pattern;

/** Words for a POSIX shell, so that a printed command can be pasted. */
public final class ShellWords {
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_@%+=:,./-]+");

  private ShellWords() {}

  /** The word as it stands where the shell takes it so, else in single quotes. */
  public static String quote(String word) {
    return PLAIN.matcher(word).matches() ? word : "'" + word.replace("'", "'\\''") + "'";
  }

  public static String quote(Path path) {
    return quote(path.toString());
  }
}
