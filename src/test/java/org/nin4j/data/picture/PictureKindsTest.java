package org.nin4j.data.picture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.Transparency;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.data.DataException;
import org.nin4j.tensor.Shape;

/** Kinds of picture files, by their colours; and what only claims to be one. */
class PictureKindsTest {
  private static final Shape SIZE = Shape.of(3, 32, 32);

  @TempDir private Path folder;

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = PictureKindsTest.class.getResourceAsStream(name)) {
      return in.readAllBytes();
    }
  }

  private static byte[] read(byte[] file) {
    return ImageFile.read(
        new ByteArrayInputStream(file), "standard input", SIZE, Picture.Fit.STRETCH, false);
  }

  /** The colours in the middles of the quarters of 32×32 pixels. */
  private static void assertQuarters(byte[] pixels, int within, int... expected) {
    for (int quarter = 0; quarter < 4; quarter++) {
      int at = (quarter / 2 * 16 + 8) * 32 + quarter % 2 * 16 + 8;
      for (int c = 0; c < 3; c++) {
        assertEquals(
            expected[quarter] >> (16 - 8 * c) & 0xff,
            pixels[c * 1024 + at] & 0xff,
            within,
            "quarter " + quarter + ", channel " + c);
      }
    }
  }

  /** The expected colours are Pillow's; decoders of JPEG differ by a few steps. */
  @ParameterizedTest
  @ValueSource(strings = {"cmyk.jpg", "ycck.jpg"})
  void inksAreColours(String name) throws IOException {
    assertQuarters(read(resource(name)), 4, 0x37f5eb, 0xe11fbe, 0x7f7f7f, 0xffffff);
  }

  @ParameterizedTest
  @CsvSource({"lossless.webp, 0", "lossy.webp, 12"})
  void webpIsRead(String name, int within) throws IOException {
    assertQuarters(read(resource(name)), within, 0xc80a14, 0x00dc28, 0x000080, 0xffffff);
  }

  private static void quarters(BufferedImage image) {
    int[] colours = {0xffc80a14, 0xff00dc28, 0x00ffffff, 0xffffffff};
    for (int i = 0; i < 1024; i++) {
      image.setRGB(i % 32, i / 32, colours[i / 512 * 2 + i % 32 / 16]);
    }
  }

  /** What is transparent becomes black, by a palette's entry too. */
  @ParameterizedTest
  @ValueSource(strings = {"png", "gif"})
  void aPaletteIsColours(String format) throws IOException {
    IndexColorModel palette =
        new IndexColorModel(
            2,
            4,
            new int[] {0xffc80a14, 0xff00dc28, 0x00123456, 0xffffffff},
            0,
            true,
            2,
            DataBuffer.TYPE_BYTE);
    BufferedImage image = new BufferedImage(32, 32, BufferedImage.TYPE_BYTE_INDEXED, palette);
    for (int i = 0; i < 1024; i++) {
      image.getRaster().setSample(i % 32, i / 32, 0, i / 512 * 2 + i % 32 / 16);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    assertTrue(ImageIO.write(image, format, out));
    assertQuarters(read(out.toByteArray()), 0, 0xc80a14, 0x00dc28, 0x000000, 0xffffff);
  }

  @Test
  void bmpAndAlphaAreRead() throws IOException {
    BufferedImage alpha = new BufferedImage(32, 32, BufferedImage.TYPE_INT_ARGB);
    quarters(alpha);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    assertTrue(ImageIO.write(alpha, "png", out));
    assertQuarters(read(out.toByteArray()), 0, 0xc80a14, 0x00dc28, 0x000000, 0xffffff);
    BufferedImage opaque = new BufferedImage(32, 32, BufferedImage.TYPE_3BYTE_BGR);
    quarters(opaque);
    out.reset();
    assertTrue(ImageIO.write(opaque, "bmp", out));
    assertQuarters(read(out.toByteArray()), 0, 0xc80a14, 0x00dc28, 0xffffff, 0xffffff);
  }

  /** 16 bits in each channel: 257 times the value in 8. */
  @Test
  void sixteenBitsAreRoundedToEight() throws IOException {
    ComponentColorModel model =
        new ComponentColorModel(
            ColorSpace.getInstance(ColorSpace.CS_sRGB),
            false,
            false,
            Transparency.OPAQUE,
            DataBuffer.TYPE_USHORT);
    BufferedImage image =
        new BufferedImage(model, model.createCompatibleWritableRaster(32, 32), false, null);
    for (int i = 0; i < 1024; i++) {
      image.getRaster().setPixel(i % 32, i / 32, new int[] {200 * 257, 10 * 257, 20 * 257});
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    assertTrue(ImageIO.write(image, "png", out));
    assertQuarters(read(out.toByteArray()), 0, 0xc80a14, 0xc80a14, 0xc80a14, 0xc80a14);
  }

  /** A few bytes that claim ten thousand million pixels. */
  @Test
  void aBombIsRefusedByItsHeader() throws IOException {
    ByteArrayOutputStream header = new ByteArrayOutputStream();
    try (DataOutputStream data = new DataOutputStream(header)) {
      data.writeBytes("IHDR");
      data.writeInt(100_000);
      data.writeInt(100_000);
      data.write(new byte[] {8, 2, 0, 0, 0});
    }
    CRC32 sum = new CRC32();
    sum.update(header.toByteArray());
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    try (DataOutputStream data = new DataOutputStream(png)) {
      data.write(new byte[] {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'});
      data.writeInt(13);
      data.write(header.toByteArray());
      data.writeInt((int) sum.getValue());
      // The decoder looks for the beginning of the pixels, too.
      data.writeInt(0);
      data.writeBytes("IDAT");
      data.writeInt(0x35af061e);
    }
    String message = assertThrows(DataException.class, () -> read(png.toByteArray())).getMessage();
    assertTrue(message.startsWith("standard input has 100000×100000 pixels, more than"), message);
  }

  @Test
  void aFolderIsListedWithThoseBelowItInOrder() throws IOException {
    Path deep = Files.createDirectories(folder.resolve("b/ä ö"));
    Files.createDirectories(folder.resolve(".hidden"));
    for (String name :
        List.of("z.PNG", "a.jpg", "b/ä ö/one two.webp", "b/x.txt", ".hidden/c.png")) {
      Files.write(folder.resolve(name), "x".getBytes(StandardCharsets.US_ASCII));
    }
    Files.createFile(folder.resolve("b/.d.png"));
    Files.createSymbolicLink(deep.resolve("round"), folder);
    assertEquals(
        List.of(
            folder.resolve("a.jpg"), folder.resolve("b/ä ö/one two.webp"), folder.resolve("z.PNG")),
        PictureFiles.below(
            folder,
            e -> {
              throw e;
            }));
  }
}
