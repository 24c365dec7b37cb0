package org.nin4j.train.picture;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.List;
import org.nin4j.data.file.PartialFile;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.Evidence;
import org.nin4j.train.Prediction;

/**
 * Evidence maps over their images: a row for each image, with the image, the maps of the most
 * probable classes and the scale of their colours, which all maps of a row share.
 *
 * <p>A map is enlarged bilinearly to the whole image. Its places are thus a little off where
 * convolutions without padding do not see an image's sides as often as its middle.
 */
public final class EvidenceSheet {
  /** Rows of one sheet, at most. */
  public static final int MOST_ROWS = 50;

  private static final int TILE = 168;
  private static final int GAP = 10;
  private static final int BAR = 12;
  private static final int NUMBERS = 64;

  /** How much of a map's colour covers the image. */
  private static final double COVER = 0.65;

  /**
   * An image and what is seen in it.
   *
   * @param name shown beneath
   * @param pixels unsigned bytes, as the network was given them; not copied
   * @param image (1 or 3, height, width)
   */
  public record Row(String name, byte[] pixels, Shape image, Evidence evidence) {}

  private EvidenceSheet() {}

  /**
   * Writes a PNG file.
   *
   * @param rows 1 to {@link #MOST_ROWS}
   * @param classes maps of a row, at most
   * @throws java.io.UncheckedIOException if the file cannot be written
   */
  public static void write(List<Row> rows, int classes, Path file) {
    if (rows.isEmpty() || rows.size() > MOST_ROWS) {
      throw new IllegalArgumentException(
          Text.of("a sheet shows 1 to %d images, not %d", MOST_ROWS, rows.size()));
    }
    PartialFile.write(file, draw(rows, classes));
  }

  private static BufferedImage draw(List<Row> rows, int classes) {
    int maps = Math.min(classes, rows.get(0).evidence().scores().size());
    int rowHeight = tileHeight(rows.get(0)) + Sheet.LINE + GAP;
    int width = 2 * Sheet.MARGIN + (1 + maps) * (TILE + GAP) + BAR + NUMBERS;
    try (Sheet sheet = new Sheet(width, 2 * Sheet.MARGIN + rows.size() * rowHeight - GAP)) {
      for (int i = 0; i < rows.size(); i++) {
        draw(sheet, rows.get(i), maps, Sheet.MARGIN + i * rowHeight);
      }
      return sheet.image();
    }
  }

  private static int tileHeight(Row row) {
    long proportional = Math.round((double) TILE * row.image().dim(1) / row.image().dim(2));
    return (int) Math.max(Sheet.LINE, Math.min(4 * TILE, proportional));
  }

  private static void draw(Sheet sheet, Row row, int maps, int top) {
    int height = tileHeight(row);
    int left = Sheet.MARGIN;
    BufferedImage picture;
    try (Sheet tile = new Sheet(TILE, height)) {
      tile.tile(Sheet.of(row.pixels(), row.image()), 0, 0, TILE, height);
      picture = tile.image();
    }
    sheet.tile(picture, left, top, TILE, height);
    sheet.text(row.name(), left, top + height + 2, TILE);
    List<Prediction.Answer> answers = row.evidence().prediction().top(maps);
    // From 0, so that a map without evidence is dark, and further where evidence speaks against.
    double least = 0;
    double most = 0;
    for (Prediction.Answer answer : answers) {
      for (float value : row.evidence().map(answer.label()).values()) {
        least = Math.min(least, value);
        most = Math.max(most, value);
      }
    }
    for (Prediction.Answer answer : answers) {
      left += TILE + GAP;
      HostTensor map = row.evidence().map(answer.label());
      sheet.tile(over(picture, map, least, most), left, top, TILE, height);
      String share = Text.of(" %.1f %%", 100 * answer.probability());
      sheet.text(answer.name(), share, left, top + height + 2, TILE);
    }
    scale(sheet, left + TILE + GAP, top, height, least, most);
  }

  private static BufferedImage over(
      BufferedImage picture, HostTensor map, double least, double most) {
    int height = picture.getHeight();
    BufferedImage result = new BufferedImage(TILE, height, BufferedImage.TYPE_INT_RGB);
    double range = most > least ? most - least : 1;
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < TILE; x++) {
        double value = at(map, (y + 0.5) / height, (x + 0.5) / TILE);
        int light = Colours.luma(picture.getRGB(x, y));
        int colour = Colours.viridis((value - least) / range);
        result.setRGB(x, y, Colours.mixed(light << 16 | light << 8 | light, colour, COVER));
      }
    }
    return result;
  }

  /** Bilinear between the centres of a map's cells, constant outside them. */
  static double at(HostTensor map, double down, double right) {
    int rows = map.shape().dim(0);
    int columns = map.shape().dim(1);
    double y = Math.max(0, Math.min(rows - 1, down * rows - 0.5));
    double x = Math.max(0, Math.min(columns - 1, right * columns - 0.5));
    int above = (int) y;
    int before = (int) x;
    int below = Math.min(above + 1, rows - 1);
    int after = Math.min(before + 1, columns - 1);
    float[] v = map.values();
    double upper =
        v[above * columns + before] * (1 - (x - before))
            + v[above * columns + after] * (x - before);
    double lower =
        v[below * columns + before] * (1 - (x - before))
            + v[below * columns + after] * (x - before);
    return upper + (lower - upper) * (y - above);
  }

  private static void scale(Sheet sheet, int left, int top, int height, double least, double most) {
    for (int y = 0; y < height; y++) {
      int colour = Colours.viridis(1 - (y + 0.5) / height);
      sheet.graphics().setColor(new Color(colour));
      sheet.graphics().fillRect(left, top + y, BAR, 1);
    }
    sheet.graphics().setColor(Color.BLACK);
    sheet.text(number(most), left + BAR + 4, top, NUMBERS);
    sheet.text(number(least), left + BAR + 4, top + height - Sheet.LINE + 4, NUMBERS);
  }

  private static String number(double value) {
    return Text.of("%.3g", value).replaceAll("^0\\.00+$", "0");
  }
}
