package org.nin4j.cli;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.Raster;
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
    BufferedImage picture = decode(file);
    int height = picture.getHeight();
    int width = picture.getWidth();
    BilinearResize resize = BilinearResize.of(height, width, shape.dim(1), shape.dim(2));
    int channels = shape.dim(0);
    int outSize = shape.dim(1) * shape.dim(2);
    byte[] result = new byte[channels * outSize];
    boolean grey = picture.getColorModel().getColorSpace().getType() == ColorSpace.TYPE_GRAY;
    BufferedImage rgb = grey ? picture : onBlack(picture);
    for (int c = 0; c < channels; c++) {
      byte[] plane = grey ? greyPlane(picture) : plane(rgb, c, channels);
      if (invert) {
        for (int i = 0; i < plane.length; i++) {
          plane[i] = (byte) (255 - (plane[i] & 0xff));
        }
      }
      resize.resize(plane, 0, result, c * outSize);
    }
    return result;
  }

  private static byte[] plane(BufferedImage picture, int channel, int channels) {
    int width = picture.getWidth();
    byte[] plane = new byte[picture.getHeight() * width];
    for (int i = 0; i < plane.length; i++) {
      plane[i] = (byte) value(picture.getRGB(i % width, i / width), channel, channels);
    }
    return plane;
  }

  /** The stored values: Java takes grey pictures for linear light and would darken them. */
  private static byte[] greyPlane(BufferedImage picture) {
    Raster raster = picture.getRaster();
    int width = picture.getWidth();
    byte[] plane = new byte[picture.getHeight() * width];
    for (int i = 0; i < plane.length; i++) {
      double value = unit(raster, i % width, i / width, 0);
      double opacity = raster.getNumBands() > 1 ? unit(raster, i % width, i / width, 1) : 1;
      plane[i] = (byte) Math.round(255 * value * opacity);
    }
    return plane;
  }

  /** A sample in [0, 1]. */
  private static double unit(Raster raster, int x, int y, int band) {
    int bits = raster.getSampleModel().getSampleSize(band);
    return raster.getSample(x, y, band) / (double) ((1L << bits) - 1);
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
