package org.nin4j.data.picture;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferInt;
import java.awt.image.Raster;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;
import org.nin4j.data.DataException;
import org.nin4j.data.file.PartialFile;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/** Reads pictures as the bytes that networks take. */
public final class ImageFile {
  private static final int LIGHT = 128;

  /** A damaged header would have memory asked for that nobody has. */
  private static final int MOST_PIXELS = 1 << 28;

  /** What decoding takes at its height, in up to 16 bits and four channels, turned and copied. */
  private static final int BYTES_PER_PIXEL = 16;

  /**
   * The decoder makes objects of each 4×4 pixels of a lossy one: 27 bytes a pixel were measured.
   */
  private static final int BYTES_PER_WEBP_PIXEL = 40;

  private static final int MOST_BYTES = 1 << 28;

  /** Endings of the names of files that are read, in lower case. */
  public static final List<String> ENDINGS = List.of("png", "jpg", "jpeg", "gif", "bmp", "webp");

  private ImageFile() {}

  /** Whether a file is a picture by its name. */
  public static boolean isNamedSo(Path file) {
    String name = file.getFileName().toString();
    return ENDINGS.contains(name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT));
  }

  /**
   * Reads a picture and turns it upright as its {@link Orientation} says. What is transparent
   * becomes black.
   *
   * @throws DataException if it is no picture, or damaged
   * @throws UncheckedIOException if the file cannot be read
   */
  public static Picture read(Path file) {
    return read(file, Color.BLACK);
  }

  /**
   * Reads a picture, turns it upright, and brings it to a shape. What is transparent becomes black
   * in the result: the ground is black, and white for a picture to invert.
   *
   * @param shape (1 or 3, height, width) to bring it to
   * @param invert whether to swap dark and light
   * @return unsigned bytes [channels, height, width]
   * @throws DataException if it is no picture, or damaged
   * @throws UncheckedIOException if the file cannot be read
   */
  public static byte[] read(Path file, Shape shape, Picture.Fit fit, boolean invert) {
    Picture picture = read(file, invert ? Color.WHITE : Color.BLACK);
    return (invert ? picture.inverted() : picture).pixels(shape, fit);
  }

  /**
   * The same for a picture that comes from elsewhere, such as standard input.
   *
   * @param in read to its end
   * @param name what messages call it
   */
  public static byte[] read(
      InputStream in, String name, Shape shape, Picture.Fit fit, boolean invert) {
    byte[] bytes;
    try {
      bytes = in.readNBytes(MOST_BYTES + 1);
    } catch (IOException e) {
      throw new UncheckedIOException(name + " cannot be read: " + PartialFile.reason(e), e);
    }
    requireNotTooLong(name, bytes.length);
    Picture picture = read(name, bytes, invert ? Color.WHITE : Color.BLACK);
    return (invert ? picture.inverted() : picture).pixels(shape, fit);
  }

  /**
   * Reads a picture whose bytes are at hand and turns it upright. What is transparent becomes
   * black.
   *
   * @param name what messages call it
   * @throws DataException if it is no picture, or damaged
   */
  public static Picture read(byte[] bytes, String name) {
    requireNotTooLong(name, bytes.length);
    return read(name, bytes, Color.BLACK);
  }

  private static void requireNotTooLong(String name, long bytes) {
    if (bytes > MOST_BYTES) {
      throw new DataException(
          Text.of("%s is longer than pictures that are read (%d MiB)", name, MOST_BYTES >> 20));
    }
  }

  private static Picture read(Path file, Color ground) {
    return read(file.toString(), bytes(file), ground);
  }

  private static Picture read(String file, byte[] bytes, Color ground) {
    BufferedImage picture = decode(file, bytes);
    Orientation orientation = Orientation.of(bytes);
    int height = picture.getHeight();
    int width = picture.getWidth();
    boolean grey = picture.getColorModel().getColorSpace().getType() == ColorSpace.TYPE_GRAY;
    byte[] planes =
        grey
            ? orientation.upright(greyPlane(picture, ground.getRed() / 255), height, width)
            : colourPlanes(onGround(picture, ground), orientation, height, width);
    return new Picture(
        grey ? 1 : 3,
        orientation.swapsSides() ? width : height,
        orientation.swapsSides() ? height : width,
        planes);
  }

  private static byte[] colourPlanes(
      BufferedImage rgb, Orientation orientation, int height, int width) {
    int[] colours = ((DataBufferInt) rgb.getRaster().getDataBuffer()).getData();
    byte[] planes = new byte[3 * colours.length];
    byte[] plane = new byte[colours.length];
    for (int c = 0; c < 3; c++) {
      int shift = 16 - 8 * c;
      for (int i = 0; i < colours.length; i++) {
        plane[i] = (byte) (colours[i] >> shift);
      }
      System.arraycopy(
          orientation.upright(plane, height, width), 0, planes, c * plane.length, plane.length);
    }
    return planes;
  }

  /**
   * Why a network may see nothing here, and what may help.
   *
   * @param pixels unsigned bytes [channels, height, width], as {@link #read} gives them
   * @param invert whether they are inverted
   * @param onBlack whether it was trained on light things on a black ground
   */
  public static Optional<String> warning(
      byte[] pixels, Shape shape, boolean invert, boolean onBlack) {
    String other = invert ? "leave out --invert" : "try --invert";
    if (isOneColour(pixels, shape)) {
      return Optional.of(
          "is of one colour, so there is nothing to recognise; if it has a transparent ground, "
              + other);
    }
    return onBlack && hasLightGround(pixels, shape)
        ? Optional.of(Text.of("has a light ground%s; %s", invert ? " when inverted" : "", other))
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
      requireNotTooLong(file.toString(), Files.size(file));
      return Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      throw new DataException("there is no picture " + file, e);
    } catch (IOException e) {
      throw PartialFile.unreadable(file, e);
    }
  }

  private static BufferedImage decode(String file, byte[] bytes) {
    try (ImageInputStream in = new MemoryCacheImageInputStream(new EndingStream(bytes))) {
      Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
      if (!readers.hasNext()) {
        throw new DataException(file + " is no PNG, JPEG, GIF, BMP or WebP picture");
      }
      ImageReader reader = readers.next();
      try {
        List<String> warnings = new ArrayList<>();
        reader.addIIOReadWarningListener((source, warning) -> warnings.add(warning));
        reader.setInput(in, true, true);
        requireRoom(file, bytes, reader);
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
      throw new DataException(file + " is damaged: " + reason(e), e);
    }
  }

  private static String reason(Exception e) {
    String message = e instanceof EOFException ? null : e.getMessage();
    return message == null ? "it ends too early, or contradicts itself" : message;
  }

  /** Before anything is decoded: a few bytes can claim any size. */
  private static void requireRoom(String file, byte[] bytes, ImageReader reader)
      throws IOException {
    boolean webp = reader.getFormatName().equalsIgnoreCase("webp");
    long memory = Runtime.getRuntime().maxMemory();
    long most = Math.min(MOST_PIXELS, memory / (webp ? BYTES_PER_WEBP_PIXEL : BYTES_PER_PIXEL));
    requireRoom(file, reader.getWidth(0), reader.getHeight(0), most);
    if (webp) {
      for (WebpFrames.Size frame : WebpFrames.of(bytes)) {
        requireRoom(file, frame.width(), frame.height(), most);
      }
    }
  }

  private static void requireRoom(String file, int width, int height, long most) {
    if ((long) width * height > most) {
      throw new DataException(
          Text.of(
              "%s has %d×%d pixels, more than are read (%d%s)",
              file,
              width,
              height,
              most,
              most < MOST_PIXELS ? ", with the memory that Java may take" : ""));
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
}
