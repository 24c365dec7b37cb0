package org.nin4j.data.picture;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.Transparency;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.data.DataException;
import org.nin4j.tensor.Shape;

class ImageFileTest {
  @TempDir private Path folder;

  /** Red, green; blue, half transparent white. */
  private Path picture() throws IOException {
    BufferedImage image = new BufferedImage(2, 2, BufferedImage.TYPE_INT_ARGB);
    image.setRGB(0, 0, 0xffff0000);
    image.setRGB(1, 0, 0xff00ff00);
    image.setRGB(0, 1, 0xff0000ff);
    image.setRGB(1, 1, 0x00ffffff);
    Path file = folder.resolve("picture.png");
    ImageIO.write(image, "png", file.toFile());
    return file;
  }

  private static byte[] bytes(int... values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < values.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return bytes;
  }

  @Test
  void greyIsLuma() throws IOException {
    // 0.299, 0.587 and 0.114 of 255; what is transparent is black in the result.
    assertArrayEquals(
        bytes(76, 150, 29, 0),
        ImageFile.read(picture(), Shape.of(1, 2, 2), Picture.Fit.STRETCH, false));
    assertArrayEquals(
        bytes(179, 105, 226, 0),
        ImageFile.read(picture(), Shape.of(1, 2, 2), Picture.Fit.STRETCH, true));
  }

  @Test
  void coloursAreChannels() throws IOException {
    assertArrayEquals(
        bytes(255, 0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 0),
        ImageFile.read(picture(), Shape.of(3, 2, 2), Picture.Fit.STRETCH, false));
  }

  @ParameterizedTest
  @CsvSource({"10, 128, png", "10, 128, jpg", "11, 32896, png"})
  void greyStaysAsItIsStoredWhateverTheSize(int type, int stored, String format)
      throws IOException {
    // Types 10 and 11 are grey of 8 and of 16 bits; 32896 is 128 · 257.
    BufferedImage grey = new BufferedImage(31, 57, type);
    for (int y = 0; y < 57; y++) {
      for (int x = 0; x < 31; x++) {
        grey.getRaster().setSample(x, y, 0, stored);
      }
    }
    Path file = folder.resolve("grey." + format);
    assertTrue(ImageIO.write(grey, format, file.toFile()));
    byte[] expected = new byte[28 * 28];
    Arrays.fill(expected, (byte) 128);
    assertArrayEquals(
        expected, ImageFile.read(file, Shape.of(1, 28, 28), Picture.Fit.STRETCH, false));
  }

  @Test
  void aDamagedPictureIsNamed() throws IOException {
    Path file = picture();
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
    String message =
        assertThrows(
                DataException.class,
                () -> ImageFile.read(file, Shape.of(1, 2, 2), Picture.Fit.STRETCH, false))
            .getMessage();
    assertTrue(message.startsWith(file.toString()), message);
  }

  /** A picture with structure everywhere, so that a missing half matters. */
  private static byte[] jpeg(BufferedImage image) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageIO.write(image, "jpg", out);
    return out.toByteArray();
  }

  private static BufferedImage pattern() {
    BufferedImage image = new BufferedImage(160, 120, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < 120; y++) {
      for (int x = 0; x < 160; x++) {
        image.setRGB(x, y, 0x010101 * (x * y % 256));
      }
    }
    return image;
  }

  private DataException refused(byte[] bytes) throws IOException {
    Path file = folder.resolve("refused.jpg");
    Files.write(file, bytes);
    return assertThrows(
        DataException.class,
        () -> ImageFile.read(file, Shape.of(1, 28, 28), Picture.Fit.STRETCH, false));
  }

  @Test
  void aJpegCutOffIsRefused() throws IOException {
    byte[] whole = jpeg(pattern());
    // Its last two bytes are the marker of its end; the head of some 620 bytes holds tables.
    for (int length : new int[] {whole.length - 2, whole.length / 2, 1000}) {
      String message = refused(Arrays.copyOf(whole, length)).getMessage();
      assertTrue(message.contains("refused.jpg is damaged or cut short"), message);
    }
    // Room for the whole file, of which only a part came.
    byte[] zeros = whole.clone();
    Arrays.fill(zeros, whole.length / 2, whole.length, (byte) 0);
    assertTrue(refused(zeros).getMessage().contains("damaged or cut short"));
    // A camera's own bytes after the end do no harm.
    Path longer = folder.resolve("longer.jpg");
    Files.write(longer, Arrays.copyOf(whole, whole.length + 99));
    Path exact = folder.resolve("exact.jpg");
    Files.write(exact, whole);
    assertArrayEquals(
        ImageFile.read(exact, Shape.of(1, 28, 28), Picture.Fit.STRETCH, false),
        ImageFile.read(longer, Shape.of(1, 28, 28), Picture.Fit.STRETCH, false));
  }

  /** 120 bytes that claim 16383×16383 pixels would have objects made for each 4×4 of them. */
  @Test
  void whatClaimsMorePixelsThanFitIsRefusedBeforeItIsDecoded() throws IOException {
    byte[] webp;
    try (InputStream in = ImageFileTest.class.getResourceAsStream("lossy.webp")) {
      webp = in.readAllBytes();
    }
    int sides = 26;
    assertEquals(32 + (32 << 16), ByteBuffer.wrap(webp).order(LITTLE_ENDIAN).getInt(sides));
    ByteBuffer.wrap(webp).order(LITTLE_ENDIAN).putInt(sides, 0x3fff + (0x3fff << 16));
    String message = refused(webp).getMessage();
    assertTrue(message.contains("has 16383×16383 pixels, more than are read ("), message);
  }

  /** As stored: dark, but light in its top right quarter; the tag says that it lies on its side. */
  @ParameterizedTest
  @CsvSource({"1, 0 1 0 0", "3, 0 0 1 0", "6, 0 0 0 1", "8, 1 0 0 0"})
  void aJpegIsTurnedAsItsCameraSays(int orientation, String light) throws IOException {
    BufferedImage stored = new BufferedImage(64, 32, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < 16; y++) {
      for (int x = 32; x < 64; x++) {
        stored.setRGB(x, y, 0xffffff);
      }
    }
    Path file = folder.resolve("turned.jpg");
    Files.write(
        file,
        OrientationTest.withSegment(
            jpeg(stored), OrientationTest.exif(ByteOrder.BIG_ENDIAN, orientation)));
    // Blocks of 8 pixels lie within one quarter, but resampling mixes neighbours where it is
    // halved.
    byte[] pixels = ImageFile.read(file, Shape.of(1, 8, 8), Picture.Fit.STRETCH, false);
    String found = "";
    for (int[] centre : new int[][] {{1, 1}, {1, 6}, {6, 1}, {6, 6}}) {
      found += ((pixels[8 * centre[0] + centre[1]] & 0xff) > 127 ? "1" : "0") + " ";
    }
    assertEquals(light, found.trim());
  }

  /** Black ink on a ground that is transparent: white on black once it is inverted. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void inkOnATransparentGroundIsSeenWhenInverted(boolean grey) throws IOException {
    Path file = folder.resolve("ink.png");
    if (grey) {
      // Grey and opacity, which ImageIO writes from a raster of two bands.
      ColorModel model =
          new ComponentColorModel(
              ColorSpace.getInstance(ColorSpace.CS_GRAY),
              true,
              false,
              Transparency.TRANSLUCENT,
              DataBuffer.TYPE_BYTE);
      BufferedImage ink =
          new BufferedImage(model, model.createCompatibleWritableRaster(3, 1), false, null);
      ink.getRaster().setPixel(1, 0, new int[] {0, 255});
      ink.getRaster().setPixel(2, 0, new int[] {0, 102});
      assertTrue(ImageIO.write(ink, "png", file.toFile()));
    } else {
      BufferedImage ink = new BufferedImage(3, 1, BufferedImage.TYPE_INT_ARGB);
      ink.setRGB(1, 0, 0xff000000);
      ink.setRGB(2, 0, 0x66000000);
      assertTrue(ImageIO.write(ink, "png", file.toFile()));
    }
    Shape shape = Shape.of(1, 1, 3);
    byte[] inverted = ImageFile.read(file, shape, Picture.Fit.STRETCH, true);
    // Opacity 102 / 255 lets 153 of white through, which inverted is 102.
    assertArrayEquals(bytes(0, 255, 102), inverted);
    assertEquals(
        Optional.empty(), ImageFile.warning(bytes(0, 0, 0, 0, 255, 0, 0, 0, 0), NINE, true, true));
    byte[] seen = ImageFile.read(file, shape, Picture.Fit.STRETCH, false);
    assertArrayEquals(bytes(0, 0, 0), seen);
    String warning = ImageFile.warning(seen, shape, false, true).orElseThrow();
    assertTrue(warning.contains("one colour"), warning);
    assertTrue(warning.contains("try --invert"), warning);
  }

  private static final Shape NINE = Shape.of(1, 3, 3);

  @Test
  void aLightGroundIsToldApart() {
    byte[] dark = bytes(0, 127, 0, 0, 255, 255, 255, 0, 0);
    byte[] light = bytes(255, 128, 200, 255, 0, 0, 0, 200, 255);
    assertEquals(Optional.empty(), ImageFile.warning(dark, NINE, false, true));
    assertEquals(
        Optional.of("has a light ground; try --invert"),
        ImageFile.warning(light, NINE, false, true));
    assertEquals(
        Optional.of("has a light ground when inverted; leave out --invert"),
        ImageFile.warning(light, NINE, true, true));
    // Red on blue: each plane has its own value, and nothing to be seen.
    Shape two = Shape.of(3, 1, 2);
    assertTrue(
        ImageFile.warning(bytes(9, 9, 0, 0, 200, 200), two, false, true)
            .orElseThrow()
            .startsWith("is of one colour"));
    assertEquals(Optional.empty(), ImageFile.warning(bytes(9, 9, 0, 0, 100, 90), two, false, true));
  }

  @Test
  void foldersAndWhatIsNotThereAreNamed() {
    Shape shape = Shape.of(1, 2, 2);
    assertTrue(
        assertThrows(
                DataException.class,
                () -> ImageFile.read(folder, shape, Picture.Fit.STRETCH, false))
            .getMessage()
            .contains("is a folder"));
    assertTrue(
        assertThrows(
                DataException.class,
                () -> ImageFile.read(folder.resolve("none.png"), shape, Picture.Fit.STRETCH, false))
            .getMessage()
            .startsWith("there is no picture"));
  }
}
