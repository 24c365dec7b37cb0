package org.nin4j.data;

import java.awt.image.BufferedImage;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.nin4j.data.file.PartialFile;

/** Samples of a data set as one picture: a row of images for each class, in the order of labels. */
public final class ContactSheet {

  private static final int GAP = 2;
  private static final int ENLARGEMENT = 2;
  private static final int GAP_COLOUR = 0x3060A0;

  private ContactSheet() {}

  /**
   * Writes the first images of each class as a PNG file.
   *
   * @param perClass images in a row; where a class has fewer, the rest of its row stays empty
   * @throws IllegalArgumentException if images have neither one channel (grey) nor three (red,
   *     green, blue)
   * @throws UncheckedIOException if the file cannot be written
   */
  public static void write(ImageDataset data, int perClass, Path file) {
    PartialFile.write(file, draw(data, perClass));
  }

  private static BufferedImage draw(ImageDataset data, int perClass) {
    if (data.channels() != 1 && data.channels() != 3) {
      throw new IllegalArgumentException(
          "A picture has one channel or three; " + data.name() + " has " + data.channels());
    }
    int cellWidth = data.width() * ENLARGEMENT + GAP;
    int cellHeight = data.height() * ENLARGEMENT + GAP;
    int rows = data.classNames().size();
    BufferedImage sheet =
        new BufferedImage(
            perClass * cellWidth + GAP, rows * cellHeight + GAP, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < sheet.getHeight(); y++) {
      for (int x = 0; x < sheet.getWidth(); x++) {
        sheet.setRGB(x, y, GAP_COLOUR);
      }
    }
    int[] drawn = new int[rows];
    byte[] image = new byte[data.imageSize()];
    for (int i = 0; i < data.count(); i++) {
      int row = data.label(i);
      if (drawn[row] < perClass) {
        data.copyImage(i, image, 0);
        drawImage(sheet, GAP + drawn[row] * cellWidth, GAP + row * cellHeight, data, image);
        drawn[row]++;
      }
    }
    return sheet;
  }

  private static void drawImage(
      BufferedImage sheet, int left, int top, ImageDataset data, byte[] image) {
    int plane = data.height() * data.width();
    for (int y = 0; y < data.height() * ENLARGEMENT; y++) {
      for (int x = 0; x < data.width() * ENLARGEMENT; x++) {
        int pixel = y / ENLARGEMENT * data.width() + x / ENLARGEMENT;
        int red = image[pixel] & 0xFF;
        int green = data.channels() == 1 ? red : image[plane + pixel] & 0xFF;
        int blue = data.channels() == 1 ? red : image[2 * plane + pixel] & 0xFF;
        sheet.setRGB(left + x, top + y, red << 16 | green << 8 | blue);
      }
    }
  }
}
