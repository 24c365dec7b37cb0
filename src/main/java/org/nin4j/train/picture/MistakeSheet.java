package org.nin4j.train.picture;

import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.List;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.file.PartialFile;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.Evaluation;

/** The most confident mistakes as a sheet: image, true class, answer and its probability. */
public final class MistakeSheet {
  private static final int COLUMNS = 6;
  private static final int MOST = 36;
  private static final int TILE = 112;

  /** Wider than the image, so that names fit. */
  private static final int CELL = 150;

  private MistakeSheet() {}

  /**
   * Writes a PNG file with the first of the mistakes.
   *
   * @param data in which they lie, as stored
   * @throws java.io.UncheckedIOException if the file cannot be written
   */
  public static void write(ImageDataset data, List<Evaluation.Mistake> mistakes, Path file) {
    PartialFile.write(file, draw(data, mistakes));
  }

  /** The same as a picture. */
  public static BufferedImage draw(ImageDataset data, List<Evaluation.Mistake> mistakes) {
    return draw(data, mistakes.stream().limit(MOST).toList(), mistakes.size());
  }

  private static BufferedImage draw(ImageDataset data, List<Evaluation.Mistake> shown, int all) {
    int rows = (shown.size() + COLUMNS - 1) / COLUMNS;
    int cellHeight = TILE + 2 * Sheet.LINE + Sheet.MARGIN;
    int width = 2 * Sheet.MARGIN + COLUMNS * CELL;
    Shape shape = Shape.of(data.channels(), data.height(), data.width());
    byte[] pixels = new byte[data.imageSize()];
    try (Sheet sheet = new Sheet(width, 2 * Sheet.MARGIN + Sheet.LINE + rows * cellHeight)) {
      sheet.heading(
          all == 0
              ? Text.of("No mistakes in %d images of %s", data.count(), data.name())
              : Text.of(
                  "The %d most confident of %d mistakes in %d images of %s",
                  shown.size(), all, data.count(), data.name()),
          Sheet.MARGIN,
          Sheet.MARGIN,
          width - 2 * Sheet.MARGIN);
      for (int i = 0; i < shown.size(); i++) {
        Evaluation.Mistake mistake = shown.get(i);
        int left = Sheet.MARGIN + i % COLUMNS * CELL;
        int top = Sheet.MARGIN + Sheet.LINE + 4 + i / COLUMNS * cellHeight;
        data.copyImage(mistake.image(), pixels, 0);
        double larger = (double) TILE / Math.max(data.height(), data.width());
        sheet.tile(
            Sheet.of(pixels, shape),
            left,
            top,
            (int) Math.max(1, Math.round(larger * data.width())),
            (int) Math.max(1, Math.round(larger * data.height())));
        String share = Text.of("%.1f %% ", 100 * mistake.answer().probability());
        int room = CELL - Sheet.MARGIN;
        sheet.text("true: " + data.classNames().get(mistake.label()), left, top + TILE + 2, room);
        sheet.text(share + mistake.answer().name(), left, top + TILE + 2 + Sheet.LINE - 2, room);
      }
      return sheet.image();
    }
  }
}
