package org.nin4j.train.picture;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.geom.AffineTransform;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.List;
import org.nin4j.data.file.PartialFile;
import org.nin4j.train.ConfusionMatrix;

/**
 * A confusion matrix as a picture: a row for each true class, a column for each answer, coloured by
 * the share of the row's images. The square root of the share is what the colour is mixed by: rare
 * mistakes are what one looks for.
 */
public final class ConfusionPicture {
  /** Cells of the matrix along a side, together, where there are many. */
  private static final int SIDE = 900;

  private static final int LARGEST_CELL = 52;
  private static final int LEAST_CELL = 4;

  /** Below this, neither numbers nor names fit. */
  private static final int LEAST_CELL_WITH_TEXT = 14;

  private static final int LEAST_CELL_WITH_NUMBER = 36;
  private static final int MOST_NAME = 160;
  private static final int DARKEST = 0x08306b;

  private ConfusionPicture() {}

  /**
   * Writes a PNG file.
   *
   * @param title above it
   * @throws java.io.UncheckedIOException if the file cannot be written
   */
  public static void write(ConfusionMatrix confusion, String title, Path file) {
    PartialFile.write(file, draw(confusion, title));
  }

  private static BufferedImage draw(ConfusionMatrix confusion, String title) {
    List<String> classes = confusion.classes();
    int size = classes.size();
    int cell = Math.max(LEAST_CELL, Math.min(LARGEST_CELL, SIDE / size));
    boolean named = cell >= LEAST_CELL_WITH_TEXT;
    int longest = named ? classes.stream().mapToInt(Sheet::width).max().orElse(0) : 0;
    int names = Math.min(MOST_NAME, longest) + 8;
    int left = Sheet.MARGIN + Sheet.LINE + names;
    int top = Sheet.MARGIN + 2 * Sheet.LINE + names;
    int least = Sheet.width(title) + 2 * Sheet.MARGIN;
    int width = Math.max(least, left + size * cell + Sheet.MARGIN);
    try (Sheet sheet = new Sheet(width, top + size * cell + Sheet.MARGIN)) {
      sheet.heading(title, Sheet.MARGIN, Sheet.MARGIN, width);
      sheet.text("answered", left, Sheet.MARGIN + Sheet.LINE, size * cell + Sheet.MARGIN);
      upwards(sheet, "true", Sheet.MARGIN, top + Sheet.width("true"), MOST_NAME);
      for (int row = 0; row < size; row++) {
        if (named) {
          String name = classes.get(row);
          int room = Math.min(MOST_NAME, Sheet.width(name));
          int middle = top + row * cell + (cell - 14) / 2;
          sheet.text(name, left - 6 - room, middle, MOST_NAME);
          upwards(sheet, name, left + row * cell + (cell - 14) / 2, top - 6, MOST_NAME);
        }
        for (int column = 0; column < size; column++) {
          cell(sheet, confusion, row, column, left, top, cell);
        }
      }
      return sheet.image();
    }
  }

  private static void upwards(Sheet sheet, String text, int left, int bottom, int room) {
    Graphics2D graphics = sheet.graphics();
    AffineTransform before = graphics.getTransform();
    graphics.translate(left, bottom);
    graphics.rotate(-Math.PI / 2);
    sheet.text(text, 0, 0, room);
    graphics.setTransform(before);
  }

  private static void cell(
      Sheet sheet, ConfusionMatrix confusion, int row, int column, int left, int top, int cell) {
    long count = confusion.count(row, column);
    double share = count == 0 ? 0 : (double) count / confusion.images(row);
    Graphics2D graphics = sheet.graphics();
    graphics.setColor(new Color(Colours.mixed(0xffffff, DARKEST, Math.sqrt(share))));
    int x = left + column * cell;
    int y = top + row * cell;
    graphics.fillRect(x, y, cell, cell);
    if (cell >= LEAST_CELL_WITH_TEXT) {
      graphics.setColor(new Color(0xd0d0d0));
      graphics.drawRect(x, y, cell, cell);
    }
    if (cell >= LEAST_CELL_WITH_NUMBER && count > 0) {
      graphics.setColor(Math.sqrt(share) > 0.5 ? Color.WHITE : Color.BLACK);
      String text = String.valueOf(count);
      int wide = graphics.getFontMetrics().stringWidth(text);
      sheet.text(text, x + Math.max(1, (cell - wide) / 2), y + (cell - 14) / 2, cell);
    }
    graphics.setColor(Color.BLACK);
  }
}
