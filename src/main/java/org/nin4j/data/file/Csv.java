package org.nin4j.data.file;

import java.util.List;
import java.util.stream.Collectors;

/** Lines of comma-separated values, by RFC 4180. */
public final class Csv {
  /** What ends a line. */
  public static final String END = "\r\n";

  private Csv() {}

  /** A line without its end. */
  public static String line(List<String> cells) {
    return cells.stream().map(Csv::quoted).collect(Collectors.joining(","));
  }

  /** In quotes where it has a comma, a quote or a line's end; quotes are doubled. */
  private static String quoted(String cell) {
    boolean plain = cell.chars().noneMatch(c -> c == ',' || c == '"' || c == '\r' || c == '\n');
    return plain ? cell : '"' + cell.replace("\"", "\"\"") + '"';
  }
}
