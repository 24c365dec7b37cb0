package org.nin4j.cli;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.nin4j.data.DataException;
import org.nin4j.tensor.BilinearResize;
import org.nin4j.tensor.Shape;

/** Reads pictures as the bytes that networks take. */
final class ImageFile {
  private ImageFile() {}

  /**
   * Reads a picture and scales it, its proportions not kept; what is transparent becomes black.
   * Grey is ITU-R BT.601 luma, 0.299 red + 0.587 green + 0.114 blue.
   *
   * @param shape (1 or 3, height, width) to bring it to
   * @param invert whether to swap dark and light
   * @return unsigned bytes [channels, height, width]
   * @throws DataException if it is no picture
   */
  static byte[] read(Path file, Shape shape, boolean invert) {
    BufferedImage picture = onBlack(decode(file));
    int height = picture.getHeight();
    int width = picture.getWidth();
    BilinearResize resize = BilinearResize.of(height, width, shape.dim(1), shape.dim(2));
    int channels = shape.dim(0);
    int outSize = shape.dim(1) * shape.dim(2);
    byte[] result = new byte[channels * outSize];
    byte[] plane = new byte[height * width];
    for (int c = 0; c < channels; c++) {
      for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
          int value = value(picture.getRGB(x, y), c, channels);
          plane[y * width + x] = (byte) (invert ? 255 - value : value);
        }
      }
      resize.resize(plane, 0, result, c * outSize);
    }
    return result;
  }

  private static BufferedImage decode(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new DataException("there is no picture " + file);
    }
    try {
      BufferedImage picture = ImageIO.read(file.toFile());
      if (picture == null) {
        throw new DataException(file + " is no PNG, JPEG, GIF or BMP picture");
      }
      return picture;
    } catch (IOException | RuntimeException e) {
      if (e instanceof DataException known) {
        throw known;
      }
      // The decoders throw all kinds of exceptions at damaged files.
      throw new DataException(file + " is damaged: " + e.getMessage(), e);
    }
  }

  private static BufferedImage onBlack(BufferedImage picture) {
    BufferedImage opaque =
        new BufferedImage(picture.getWidth(), picture.getHeight(), BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = opaque.createGraphics();
    graphics.drawImage(picture, 0, 0, Color.BLACK, null);
    graphics.dispose();
    return opaque;
  }

  private static int value(int rgb, int channel, int channels) {
    int red = rgb >> 16 & 0xff;
    int green = rgb >> 8 & 0xff;
    int blue = rgb & 0xff;
    if (channels == 1) {
      return (299 * red + 587 * green + 114 * blue + 500) / 1000;
    }
    return channel == 0 ? red : channel == 1 ? green : blue;
  }
}
