package org.nin4j.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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
    // 0.299, 0.587 and 0.114 of 255; what is transparent is black.
    assertArrayEquals(bytes(76, 150, 29, 0), ImageFile.read(picture(), Shape.of(1, 2, 2), false));
    assertArrayEquals(
        bytes(179, 105, 226, 255), ImageFile.read(picture(), Shape.of(1, 2, 2), true));
  }

  @Test
  void coloursAreChannels() throws IOException {
    assertArrayEquals(
        bytes(255, 0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 0),
        ImageFile.read(picture(), Shape.of(3, 2, 2), false));
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
    assertArrayEquals(expected, ImageFile.read(file, Shape.of(1, 28, 28), false));
  }

  @Test
  void aDamagedPictureIsNamed() throws IOException {
    Path file = picture();
    byte[] bytes = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
    String message =
        assertThrows(DataException.class, () -> ImageFile.read(file, Shape.of(1, 2, 2), false))
            .getMessage();
    assertTrue(message.startsWith(file.toString()), message);
  }
}
