import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What a terminal of 80 columns shows after the bytes of a file: lines that wrap, go back to their
 * beginning and are erased. Prints a page for a browser; its first line is the command given.
 */
final class Terminal {
  private static final int COLUMNS = 80;

  private final List<StringBuilder> lines = new ArrayList<>(List.of(new StringBuilder()));
  private int row;
  private int column;

  public static void main(String[] arguments) throws IOException {
    Terminal terminal = new Terminal();
    terminal.show(Files.readString(Path.of(arguments[0])));
    System.out.write(terminal.page(arguments[1]).getBytes(StandardCharsets.UTF_8));
    System.out.flush();
  }

  private void show(String text) {
    // The first line is script's own.
    for (int i = text.indexOf('\n') + 1; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '\r' -> column = 0;
        case '\n' -> down();
        case '\033' -> i = escape(text, i + 1);
        default -> {
          if (c >= ' ') {
            put(c);
          }
        }
      }
    }
  }

  private void down() {
    row++;
    if (row == lines.size()) {
      lines.add(new StringBuilder());
    }
  }

  private void put(char c) {
    if (column == COLUMNS) {
      column = 0;
      down();
    }
    StringBuilder line = lines.get(row);
    while (line.length() <= column) {
      line.append(' ');
    }
    line.setCharAt(column++, c);
  }

  /** Of the sequences that move or erase, those that a progress bar uses. Where it ends. */
  private int escape(String text, int at) {
    if (at >= text.length() || text.charAt(at) != '[') {
      return at;
    }
    int end = at + 1;
    while (end < text.length() && !Character.isLetter(text.charAt(end))) {
      end++;
    }
    if (end < text.length()) {
      String number = text.substring(at + 1, end);
      int count = number.matches("\\d+") ? Integer.parseInt(number) : 1;
      switch (text.charAt(end)) {
        case 'A' -> row = Math.max(0, row - count);
        case 'C' -> column = Math.min(COLUMNS - 1, column + count);
        case 'K' -> lines.get(row).setLength(Math.min(column, lines.get(row).length()));
        default -> {}
      }
    }
    return end;
  }

  private String page(String command) {
    StringBuilder page =
        new StringBuilder(
            """
            <meta charset="utf-8"><style>body{margin:0;background:#1d2430}
            pre{margin:0;padding:14px 18px;font:14px/20px "DejaVu Sans Mono",monospace;color:#dfe6ee}
            b{color:#7fd1a5;font-weight:normal}</style><pre><b>$</b>""");
    page.append(' ').append(command).append('\n');
    for (StringBuilder line : lines) {
      if (!line.toString().isBlank()) {
        page.append(line.toString().replace("&", "&amp;").replace("<", "&lt;")).append('\n');
      }
    }
    return page.append("</pre>").toString();
  }
}
