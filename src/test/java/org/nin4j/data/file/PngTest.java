package org.nin4j.data.file;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PngTest {
  @TempDir private Path folder;

  @Test
  void noTemporaryFileIsNeeded() throws IOException {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    BufferedImage picture = new BufferedImage(31, 17, BufferedImage.TYPE_INT_RGB);
    int[] pixels = new Random(seed).ints(31 * 17, 0, 1 << 24).toArray();
    picture.setRGB(0, 0, 31, 17, pixels, 0, 31);
    Path gone = Files.createDirectory(folder.resolve("gone"));
    byte[] png;
    ImageIO.setCacheDirectory(gone.toFile());
    try {
      Files.delete(gone);
      png = Png.encode(picture);
    } finally {
      ImageIO.setCacheDirectory(null);
    }
    BufferedImage read = ImageIO.read(new ByteArrayInputStream(png));
    assertEquals(31, read.getWidth());
    assertEquals(17, read.getHeight());
    int[] after = read.getRGB(0, 0, 31, 17, null, 0, 31);
    for (int i = 0; i < after.length; i++) {
      after[i] &= 0xffffff;
    }
    assertArrayEquals(pixels, after);
  }
}
