package org.nin4j.data.file;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import javax.imageio.ImageIO;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * Pictures as PNG, made in memory. Given a plain stream, Java keeps a file among the machine's
 * temporary ones meanwhile: where these have no room no picture could be written anywhere, and a
 * process that is killed would leave one behind.
 */
public final class Png {
  private Png() {}

  /** The bytes of a PNG file. */
  public static byte[] encode(BufferedImage picture) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ImageOutputStream stream = new MemoryCacheImageOutputStream(bytes)) {
      if (!ImageIO.write(picture, "png", stream)) {
        throw new IllegalArgumentException("PNG cannot hold this kind of picture: " + picture);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("a picture in memory cannot be written", e);
    }
    return bytes.toByteArray();
  }
}
