package org.nin4j.cli.output;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/** Rows of text in columns as wide as their widest entry. */
public final class Table {
  /** On which side a column's entries begin. */
  public enum Side {
    LEFT,
    RIGHT
  }

  private final List<Side> sides;
  private final List<List<String>> rows = new ArrayList<>();

  public Table(List<Side> sides, String... titles) {
    this.sides = sides;
    add(titles);
  }

  public void add(String... row) {
    if (row.length != sides.size()) {
      throw new IllegalArgumentException("a row has one entry for each column");
    }
    rows.add(List.of(row));
  }

  /** Prints the titles, a rule and the rows. */
  public void print(PrintStream out) {
    int[] widths = new int[sides.size()];
    for (List<String> row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    for (int r = 0; r < rows.size(); r++) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < widths.length; i++) {
        String padding = " ".repeat(widths[i] - rows.get(r).get(i).length());
        line.append(i == 0 ? "" : "  ")
            .append(sides.get(i) == Side.RIGHT ? padding : "")
            .append(rows.get(r).get(i))
            .append(sides.get(i) == Side.LEFT ? padding : "");
      }
      out.println(line.toString().stripTrailing());
      if (r == 0) {
        out.println("-".repeat(line.length()));
      }
    }
  }
}
