package org.nin4j.cli.picture;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;
import org.nin4j.data.DataException;
import org.nin4j.data.file.PartialFile;
import org.nin4j.tensor.BilinearResize;
import org.nin4j.tensor.Shape;

/** Reads pictures as the bytes that networks take. */
public final class ImageFile {
  private static final int LIGHT = 128;

  private ImageFile() {}

  /**
   * Reads a picture, turns it upright as its {@link Orientation} says, and scales it, its
   * proportions not kept. What is transparent becomes black in the result: the ground is black, and
   * white for a picture to invert. Grey is ITU-R BT.601 luma, 0.299 red + 0.587 green + 0.114 blue.
   *
   * @param shape (1 or 3, height, width) to bring it to
   * @param invert whether to swap dark and light
   * @return unsigned bytes [channels, height, width]
   * @throws DataException if it is no picture, or damaged
   * @throws UncheckedIOException if the file cannot be read
   */
  public static byte[] read(Path file, Shape shape, boolean invert) {
    byte[] bytes = bytes(file);
    BufferedImage picture = decode(file, bytes);
    Orientation orientation = Orientation.of(bytes);
    int height = picture.getHeight();
    int width = picture.getWidth();
    BilinearResize resize =
        orientation.swapsSides()
            ? BilinearResize.of(width, height, shape.dim(1), shape.dim(2))
            : BilinearResize.of(height, width, shape.dim(1), shape.dim(2));
    int channels = shape.dim(0);
    int outSize = shape.dim(1) * shape.dim(2);
    byte[] result = new byte[channels * outSize];
    boolean grey = picture.getColorModel().getColorSpace().getType() == ColorSpace.TYPE_GRAY;
    BufferedImage rgb = grey ? picture : onGround(picture, invert ? Color.WHITE : Color.BLACK);
    for (int c = 0; c < channels; c++) {
      byte[] plane = grey ? greyPlane(picture, invert ? 1 : 0) : plane(rgb, c, channels);
      if (invert) {
        for (int i = 0; i < plane.length; i++) {
          plane[i] = (byte) (255 - (plane[i] & 0xff));
        }
      }
      resize.resize(orientation.upright(plane, height, width), 0, result, c * outSize);
    }
    return result;
  }

  /**
   * Why a network trained on light things on a black ground may see nothing here, and what may
   * help.
   *
   * @param pixels unsigned bytes [channels, height, width], as {@link #read} gives them
   * @param invert whether they are inverted
   */
  public static Optional<String> warning(byte[] pixels, Shape shape, boolean invert) {
    String other = invert ? "leave out --invert" : "try --invert";
    if (isOneColour(pixels, shape)) {
      return Optional.of(
          "is of one colour, so there is nothing to recognise; if it has a transparent ground, "
              + other);
    }
    return hasLightGround(pixels, shape)
        ? Optional.of("has a light ground%s; %s".formatted(invert ? " when inverted" : "", other))
        : Optional.empty();
  }

  private static boolean isOneColour(byte[] pixels, Shape shape) {
    int planeSize = shape.dim(1) * shape.dim(2);
    for (int i = 0; i < pixels.length; i++) {
      if (pixels[i] != pixels[i - i % planeSize]) {
        return false;
      }
    }
    return true;
  }

  /** Whether most values on the four sides are light: true for none of Fashion-MNIST's images. */
  private static boolean hasLightGround(byte[] pixels, Shape shape) {
    int height = shape.dim(1);
    int width = shape.dim(2);
    int sides = 0;
    int light = 0;
    for (int i = 0; i < pixels.length; i++) {
      int y = i / width % height;
      int x = i % width;
      if (y == 0 || y == height - 1 || x == 0 || x == width - 1) {
        sides++;
        light += (pixels[i] & 0xff) >= LIGHT ? 1 : 0;
      }
    }
    return 2 * light > sides;
  }

  private static byte[] plane(BufferedImage picture, int channel, int channels) {
    int width = picture.getWidth();
    byte[] plane = new byte[picture.getHeight() * width];
    for (int i = 0; i < plane.length; i++) {
      plane[i] = (byte) value(picture.getRGB(i % width, i / width), channel, channels);
    }
    return plane;
  }

  /**
   * The stored values, for Java takes grey pictures for linear light and would darken them.
   *
   * @param ground what shines through where the picture is transparent, in [0, 1]
   */
  private static byte[] greyPlane(BufferedImage picture, double ground) {
    Raster raster = picture.getRaster();
    int width = picture.getWidth();
    byte[] plane = new byte[picture.getHeight() * width];
    for (int i = 0; i < plane.length; i++) {
      double value = unit(raster, i % width, i / width, 0);
      double opacity = raster.getNumBands() > 1 ? unit(raster, i % width, i / width, 1) : 1;
      plane[i] = (byte) Math.round(255 * (value * opacity + ground * (1 - opacity)));
    }
    return plane;
  }

  /** A sample in [0, 1]. */
  private static double unit(Raster raster, int x, int y, int band) {
    int bits = raster.getSampleModel().getSampleSize(band);
    return raster.getSample(x, y, band) / (double) ((1L << bits) - 1);
  }

  private static byte[] bytes(Path file) {
    if (Files.isDirectory(file)) {
      throw new DataException(file + " is a folder; name the pictures in it");
    }
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new DataException(file + " is no file with a picture");
    }
    try {
      return Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      throw new DataException("there is no picture " + file, e);
    } catch (IOException e) {
      throw PartialFile.unreadable(file, e);
    }
  }

  private static BufferedImage decode(Path file, byte[] bytes) {
    try (ImageInputStream in = new MemoryCacheImageInputStream(new ByteArrayInputStream(bytes))) {
      Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
      if (!readers.hasNext()) {
        throw new DataException(file + " is no PNG, JPEG, GIF or BMP picture");
      }
      ImageReader reader = readers.next();
      try {
        List<String> warnings = new ArrayList<>();
        reader.addIIOReadWarningListener((source, warning) -> warnings.add(warning));
        reader.setInput(in, true, true);
        BufferedImage picture = reader.read(0);
        for (String warning : warnings) {
          if (isDamage(warning)) {
            throw new DataException(file + " is damaged or cut short: " + warning);
          }
        }
        return picture;
      } finally {
        reader.dispose();
      }
    } catch (IOException | RuntimeException e) {
      if (e instanceof DataException known) {
        throw known;
      }
      // The decoders throw all kinds of exceptions at damaged files.
      throw new DataException(file + " is damaged: " + e.getMessage(), e);
    }
  }

  /**
   * The JPEG decoder fills what is missing with grey and only warns. It also warns of bytes between
   * the image and its end, which some cameras write and which do no harm.
   */
  private static boolean isDamage(String warning) {
    return warning.startsWith("Truncated File")
        || warning.startsWith("Corrupt JPEG data") && !warning.contains("extraneous bytes");
  }

  private static BufferedImage onGround(BufferedImage picture, Color ground) {
    BufferedImage opaque =
        new BufferedImage(picture.getWidth(), picture.getHeight(), BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = opaque.createGraphics();
    graphics.drawImage(picture, 0, 0, ground, null);
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
