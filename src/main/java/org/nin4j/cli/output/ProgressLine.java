package org.nin4j.cli.output;

import java.time.Duration;
import java.util.List;
import org.nin4j.text.Text;

/** One line that says how far something is, as wide as the terminal and never wider. */
final class ProgressLine {
  /** A shorter bar says less than the per cent before it. */
  private static final int LEAST_BAR = 6;

  private static final String EIGHTHS = " ▏▎▍▌▋▊▉";

  private ProgressLine() {}

  /**
   * Task, per cent, bar, and the longest message that leaves room for a bar; a task that is itself
   * too long is cut.
   *
   * @param share how much is done, in [0, 1]
   * @param messages the same told longer and shorter, longest first
   * @param columns length of the line
   */
  static String of(String task, double share, List<String> messages, int columns) {
    String start = Text.of("%s %3d %% ", task, (int) (100 * share));
    for (String message : messages) {
      String end = message.isEmpty() ? "" : " " + message;
      int bar = columns - start.length() - 2 - end.length();
      if (bar >= LEAST_BAR) {
        return start + "│" + bar(share, bar) + "│" + end;
      }
    }
    return start.length() > columns
        ? start.substring(0, columns)
        : start + " ".repeat(columns - start.length());
  }

  private static String bar(double share, int columns) {
    int eighths = (int) (8 * share * columns);
    String full = "█".repeat(eighths / 8);
    return full.length() == columns
        ? full
        : full + EIGHTHS.charAt(eighths % 8) + " ".repeat(columns - full.length() - 1);
  }

  /** The time that is left if it goes on as so far, for example 1:05 left; nothing at the start. */
  static String timeLeft(Duration elapsed, double share) {
    if (share <= 0) {
      return "";
    }
    long seconds = Math.round(elapsed.toMillis() / 1e3 * (1 - share) / share);
    return seconds < 3600
        ? Text.of("%d:%02d left", seconds / 60, seconds % 60)
        : Text.of("%d:%02d:%02d left", seconds / 3600, seconds / 60 % 60, seconds % 60);
  }
}
