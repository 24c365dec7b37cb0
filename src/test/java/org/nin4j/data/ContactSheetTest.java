package org.nin4j.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ContactSheetTest {

  @TempDir private Path folder;

  private static int grey(BufferedImage sheet, int x, int y) {
    int colour = sheet.getRGB(x, y) & 0xFFFFFF;
    assertEquals(colour & 0xFF, colour >> 8 & 0xFF, "grey at " + x + ", " + y);
    assertEquals(colour & 0xFF, colour >> 16, "grey at " + x + ", " + y);
    return colour & 0xFF;
  }

  @Test
  void rowsAreClassesAndImagesAreDoubled() throws IOException {
    byte[] pixels = {10, 20, 30, (byte) 200, 50, 60};
    byte[] labels = {1, 0, 1};
    ImageDataset data = new ImageDataset("two", List.of("a", "b"), 1, 1, 2, pixels, labels);
    Path file = folder.resolve("sheet.png");
    ContactSheet.write(data, 2, file);
    BufferedImage sheet = ImageIO.read(file.toFile());
    // Cells of 4×2 with gaps of 2.
    assertEquals(2 + 2 * 6, sheet.getWidth());
    assertEquals(2 + 2 * 4, sheet.getHeight());
    assertEquals(30, grey(sheet, 2, 2), "class a: the second image");
    assertEquals(30, grey(sheet, 3, 3));
    assertEquals(200, grey(sheet, 4, 2));
    assertEquals(10, grey(sheet, 2, 6), "class b: the first image");
    assertEquals(50, grey(sheet, 8, 6), "class b: the third image");
    assertEquals(60, grey(sheet, 11, 7));
    assertEquals(sheet.getRGB(0, 0), sheet.getRGB(8, 2), "class a has no second image");
  }

  @Test
  void showsColours() throws IOException {
    ImageDataset data =
        new ImageDataset(
            "red", List.of("a"), 3, 1, 1, new byte[] {(byte) 250, 100, 5}, new byte[1]);
    Path file = folder.resolve("sheet.png");
    ContactSheet.write(data, 1, file);
    assertEquals(250 << 16 | 100 << 8 | 5, ImageIO.read(file.toFile()).getRGB(2, 2) & 0xFFFFFF);
  }

  @Test
  void refusesTwoChannels() {
    ImageDataset data = new ImageDataset("pair", List.of("a"), 2, 1, 1, new byte[2], new byte[1]);
    assertThrows(
        IllegalArgumentException.class,
        () -> ContactSheet.write(data, 1, folder.resolve("sheet.png")));
  }
}
