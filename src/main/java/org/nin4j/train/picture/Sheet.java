package org.nin4j.train.picture;

import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import org.nin4j.tensor.Shape;

/** A white picture to draw tiles and lines of text on. */
final class Sheet implements AutoCloseable {
  static final int MARGIN = 12;
  static final int LINE = 18;

  private static final Font FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 12);
  private static final Font BOLD = FONT.deriveFont(Font.BOLD);

  private final BufferedImage image;
  private final Graphics2D graphics;

  Sheet(int width, int height) {
    image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    graphics = image.createGraphics();
    graphics.setColor(Color.WHITE);
    graphics.fillRect(0, 0, width, height);
    graphics.setColor(Color.BLACK);
    graphics.setFont(FONT);
    graphics.setRenderingHint(
        RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
  }

  BufferedImage image() {
    return image;
  }

  Graphics2D graphics() {
    return graphics;
  }

  /** How wide a text will be. */
  static int width(String text) {
    try (Sheet trial = new Sheet(1, 1)) {
      return trial.graphics.getFontMetrics(BOLD).stringWidth(text) + 1;
    }
  }

  /** A line of text below {@code top}, cut at its end where it is wider than there is room. */
  void text(String text, int left, int top, int room) {
    FontMetrics metrics = graphics.getFontMetrics();
    graphics.drawString(fitting(text, room, metrics), left, top + metrics.getAscent());
  }

  /** The same with an end that is never cut. */
  void text(String text, String end, int left, int top, int room) {
    FontMetrics metrics = graphics.getFontMetrics();
    String begin = fitting(text, room - metrics.stringWidth(end), metrics);
    graphics.drawString(begin + end, left, top + metrics.getAscent());
  }

  void heading(String text, int left, int top, int room) {
    graphics.setFont(BOLD);
    text(text, left, top, room);
    graphics.setFont(FONT);
  }

  private static String fitting(String text, int room, FontMetrics metrics) {
    if (metrics.stringWidth(text) <= room) {
      return text;
    }
    int end = text.length();
    while (end > 0 && metrics.stringWidth(text.substring(0, end) + "…") > room) {
      end = text.offsetByCodePoints(end, -1);
    }
    return text.substring(0, end) + "…";
  }

  /** A tile, enlarged in squares where it is small, else smoothly. */
  void tile(BufferedImage tile, int left, int top, int width, int height) {
    graphics.setRenderingHint(
        RenderingHints.KEY_INTERPOLATION,
        2 * tile.getWidth() <= width
            ? RenderingHints.VALUE_INTERPOLATION_NEAREST_NEIGHBOR
            : RenderingHints.VALUE_INTERPOLATION_BILINEAR);
    graphics.drawImage(tile, left, top, width, height, null);
  }

  /** An image of unsigned bytes [1 or 3, height, width]. */
  static BufferedImage of(byte[] pixels, Shape shape) {
    if (shape.dim(0) != 1 && shape.dim(0) != 3) {
      throw new IllegalArgumentException("a picture has one channel or three, not " + shape.dim(0));
    }
    int height = shape.dim(1);
    int width = shape.dim(2);
    int plane = height * width;
    BufferedImage picture = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < plane; i++) {
      int red = pixels[i] & 0xff;
      int green = shape.dim(0) == 1 ? red : pixels[plane + i] & 0xff;
      int blue = shape.dim(0) == 1 ? red : pixels[2 * plane + i] & 0xff;
      picture.setRGB(i % width, i / width, red << 16 | green << 8 | blue);
    }
    return picture;
  }

  @Override
  public void close() {
    graphics.dispose();
  }
}
