package org.nin4j.data.picture;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.nin4j.tensor.Shape;

class PictureTest {

  private static byte[] bytes(int... values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < values.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return bytes;
  }

  /**
   * A square in the middle of a wide and of a high picture; of odd rests the earlier side loses
   * less.
   */
  @Test
  void isCroppedAroundItsCentre() {
    Picture wide = new Picture(1, 2, 5, bytes(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
    assertArrayEquals(bytes(1, 2, 6, 7), wide.pixels(Shape.of(1, 2, 2), Picture.Fit.CROP));
    Picture high = new Picture(1, 4, 2, bytes(0, 1, 2, 3, 4, 5, 6, 7));
    assertArrayEquals(bytes(2, 3, 4, 5), high.pixels(Shape.of(1, 2, 2), Picture.Fit.CROP));
  }

  /** What lies outside of the middle does not show: it is 200 where the middle is 10. */
  @Test
  void isCroppedToTheShapesProportions() {
    int height = 30;
    int width = 90;
    byte[] planes = new byte[3 * height * width];
    for (int i = 0; i < planes.length; i++) {
      int x = i % width;
      planes[i] = (byte) (x < 15 || x >= 75 ? 200 : 10);
    }
    // 2 : 1 of 30 rows are 60 columns, from 15 to 75.
    byte[] cropped =
        new Picture(3, height, width, planes).pixels(Shape.of(3, 7, 14), Picture.Fit.CROP);
    for (byte pixel : cropped) {
      assertEquals(10, pixel);
    }
    byte[] stretched =
        new Picture(3, height, width, planes).pixels(Shape.of(3, 7, 14), Picture.Fit.STRETCH);
    assertEquals(200, stretched[0] & 0xff);
  }

  @Test
  void becomesGreyAndColoured() {
    Picture colours = new Picture(3, 1, 2, bytes(255, 0, 0, 255, 0, 0));
    assertFalse(colours.isGrey());
    assertArrayEquals(bytes(76, 150), colours.pixels(Shape.of(1, 1, 2), Picture.Fit.CROP));
    Picture grey = new Picture(1, 1, 2, bytes(7, 250));
    assertTrue(grey.isGrey());
    assertArrayEquals(
        bytes(7, 250, 7, 250, 7, 250), grey.pixels(Shape.of(3, 1, 2), Picture.Fit.CROP));
    // Luma of equal channels is their value, for each of the 256.
    byte[] same = new byte[3 * 256];
    for (int i = 0; i < same.length; i++) {
      same[i] = (byte) i;
    }
    Picture colourless = new Picture(3, 16, 16, same);
    assertTrue(colourless.isGrey());
    assertArrayEquals(
        Arrays.copyOf(same, 256), colourless.pixels(Shape.of(1, 16, 16), Picture.Fit.CROP));
    same[700]++;
    assertFalse(colourless.isGrey());
  }

  @Test
  void isInverted() {
    assertArrayEquals(
        bytes(255, 0, 55), new Picture(1, 1, 3, bytes(0, 255, 200)).inverted().planes());
  }

  @Test
  void refusesWhatDoesNotFit() {
    assertThrows(IllegalArgumentException.class, () -> new Picture(2, 1, 1, new byte[2]));
    assertThrows(IllegalArgumentException.class, () -> new Picture(3, 1, 1, new byte[2]));
  }

  @Test
  void namesTellPictures() {
    assertTrue(ImageFile.isNamedSo(Path.of("a/b.JPG")));
    assertTrue(ImageFile.isNamedSo(Path.of("b.x.png")));
    assertFalse(ImageFile.isNamedSo(Path.of("b.txt")));
    assertFalse(ImageFile.isNamedSo(Path.of("noending")));
  }
}
