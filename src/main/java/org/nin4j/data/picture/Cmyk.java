package org.nin4j.data.picture;

import java.awt.image.BufferedImage;
import java.awt.image.Raster;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * JPEG files of four inks, which ImageIO decodes to samples only. Colours are (1 − C)(1 − K) and so
 * on, without an ink's profile, as Pillow converts them.
 */
final class Cmyk {
  private static final int CHANNELS = 4;
  private static final int APP14 = 0xffee;
  private static final int START_OF_SCAN = 0xffda;
  private static final byte[] ADOBE = "Adobe".getBytes(StandardCharsets.US_ASCII);

  /** Where Adobe's segment says how colours are coded: 2 for luma, two chromas and K. */
  private static final int TRANSFORM = 11;

  private static final int YCCK = 2;

  private Cmyk() {}

  /** Whether a file is a JPEG of four channels. */
  static boolean isIn(byte[] file) {
    int frame = segment(file, Cmyk::isFrame);
    // Precision, height, width, channels.
    return frame > 0 && frame + 9 < file.length && file[frame + 9] == CHANNELS;
  }

  /** Frames are markers 0xffc0 to 0xffcf, but for tables (c4), a reserved one (c8), and cc. */
  private static boolean isFrame(int marker) {
    return marker >= 0xffc0
        && marker <= 0xffcf
        && marker != 0xffc4
        && marker != 0xffc8
        && marker != 0xffcc;
  }

  private interface Wanted {
    boolean is(int marker);
  }

  /** Where the first such segment of a JPEG file begins, with its marker; −1 without one. */
  private static int segment(byte[] file, Wanted wanted) {
    ByteBuffer bytes = ByteBuffer.wrap(file);
    if (file.length < 4 || Short.toUnsignedInt(bytes.getShort(0)) != 0xffd8) {
      return -1;
    }
    int at = 2;
    while (at + 4 <= file.length) {
      int marker = Short.toUnsignedInt(bytes.getShort(at));
      if (wanted.is(marker)) {
        return at;
      }
      if (marker < 0xff00 || marker == START_OF_SCAN) {
        return -1;
      }
      // Any number of bytes 0xff may stand before a marker.
      at += marker == 0xffff ? 1 : 2 + Short.toUnsignedInt(bytes.getShort(at + 2));
    }
    return -1;
  }

  /**
   * The colours of decoded samples. Files with Adobe's segment store what is free of ink.
   *
   * @param samples of four bands, as stored
   */
  static BufferedImage toRgb(Raster samples, byte[] file) {
    int adobe = segment(file, marker -> marker == APP14);
    boolean inverted =
        adobe > 0
            && adobe + 4 + TRANSFORM < file.length
            && ByteBuffer.wrap(ADOBE).equals(ByteBuffer.wrap(file, adobe + 4, ADOBE.length));
    boolean chroma = inverted && file[adobe + 4 + TRANSFORM] == YCCK;
    int width = samples.getWidth();
    BufferedImage picture =
        new BufferedImage(width, samples.getHeight(), BufferedImage.TYPE_INT_RGB);
    int[] row = new int[CHANNELS * width];
    for (int y = 0; y < samples.getHeight(); y++) {
      samples.getPixels(samples.getMinX(), samples.getMinY() + y, width, 1, row);
      for (int x = 0; x < width; x++) {
        int[] inks = {row[4 * x], row[4 * x + 1], row[4 * x + 2]};
        if (chroma) {
          toInks(inks);
        }
        int black = row[4 * x + 3];
        int rgb = 0;
        for (int ink : inks) {
          int free = inverted ? ink * black : (255 - ink) * (255 - black);
          rgb = rgb << 8 | (free + 127) / 255;
        }
        picture.setRGB(x, y, rgb);
      }
    }
    return picture;
  }

  /** Luma and chromas stand for red, green and blue, of which the inks are the complements. */
  private static void toInks(int[] ycc) {
    double y = ycc[0];
    double cb = ycc[1] - 128.0;
    double cr = ycc[2] - 128.0;
    ycc[0] = complement(y + 1.402 * cr);
    ycc[1] = complement(y - 0.344136 * cb - 0.714136 * cr);
    ycc[2] = complement(y + 1.772 * cb);
  }

  private static int complement(double value) {
    return 255 - (int) Math.max(0, Math.min(255, Math.round(value)));
  }
}
