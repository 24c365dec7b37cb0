package org.nin4j.data.folder;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import javax.imageio.ImageIO;

/** Writes pictures without loss, and knows their pixels. */
public final class Pictures {
  private Pictures() {}

  /** Random colours. */
  public static byte[] colours(Random random, Path file, int height, int width) throws IOException {
    byte[] planes = new byte[3 * height * width];
    random.nextBytes(planes);
    // Never grey by chance.
    planes[0] = (byte) (planes[height * width] + 1);
    return rgb(file, height, width, planes);
  }

  /** Three channels that are the same. */
  public static byte[] colourless(Random random, Path file, int height, int width)
      throws IOException {
    byte[] plane = new byte[height * width];
    random.nextBytes(plane);
    byte[] planes = new byte[3 * plane.length];
    for (int i = 0; i < planes.length; i++) {
      planes[i] = plane[i % plane.length];
    }
    rgb(file, height, width, planes);
    return plane;
  }

  /** One channel. */
  public static byte[] grey(Random random, Path file, int height, int width) throws IOException {
    byte[] plane = new byte[height * width];
    random.nextBytes(plane);
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_BYTE_GRAY);
    for (int i = 0; i < plane.length; i++) {
      image.getRaster().setSample(i % width, i / width, 0, plane[i] & 0xff);
    }
    write(image, file);
    return plane;
  }

  private static byte[] rgb(Path file, int height, int width, byte[] planes) throws IOException {
    int plane = height * width;
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < plane; i++) {
      int red = planes[i] & 0xff;
      int green = planes[plane + i] & 0xff;
      int blue = planes[2 * plane + i] & 0xff;
      image.setRGB(i % width, i / width, red << 16 | green << 8 | blue);
    }
    write(image, file);
    return planes;
  }

  private static void write(BufferedImage image, Path file) throws IOException {
    Files.createDirectories(file.getParent());
    if (!ImageIO.write(image, "png", file.toFile())) {
      throw new IOException("no PNG");
    }
  }
}
