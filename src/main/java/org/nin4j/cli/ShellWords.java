package org.nin4j.cli;

import java.nio.file.Path;
import java.util.regex.Pattern;

/** Words for a POSIX shell, so that a printed command can be pasted. */
final class ShellWords {
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_@%+=:,./-]+");

  private ShellWords() {}

  /** The word as it stands where the shell takes it so, else in single quotes. */
  static String quote(String word) {
    return PLAIN.matcher(word).matches() ? word : "'" + word.replace("'", "'\\''") + "'";
  }

  static String quote(Path path) {
    return quote(path.toString());
  }
}
