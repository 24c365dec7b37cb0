package org.nin4j.data.picture;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * How a camera was held, as the EXIF tag of that name says in JPEG, PNG and WebP files: which side
 * of the scene the stored first row and first column are (Exif 2.32, CIPA DC-008, 4.6.4 A).
 */
enum Orientation {
  TOP_LEFT,
  TOP_RIGHT,
  BOTTOM_RIGHT,
  BOTTOM_LEFT,
  LEFT_TOP,
  RIGHT_TOP,
  RIGHT_BOTTOM,
  LEFT_BOTTOM;

  private static final int TAG = 0x0112;
  private static final int TYPE_SHORT = 3;
  private static final byte[] EXIF = "Exif\0\0".getBytes(StandardCharsets.US_ASCII);

  private static final int START_OF_IMAGE = 0xffd8;
  private static final int APP1 = 0xffe1;
  private static final int START_OF_SCAN = 0xffda;

  private static final long PNG = 0x89504e470d0a1a0aL;
  private static final int PNG_EXIF = 0x65584966;
  private static final int RIFF = 0x52494646;
  private static final int WEBP = 0x57454250;
  private static final int WEBP_EXIF = 0x45584946;

  /**
   * The orientation that a file states, else {@link #TOP_LEFT}, the orientation of what states
   * none.
   *
   * @param file its bytes
   */
  static Orientation of(byte[] file) {
    ByteBuffer bytes = ByteBuffer.wrap(file);
    if (file.length >= 12 && bytes.getLong(0) == PNG) {
      return ofPng(bytes);
    }
    if (file.length >= 12 && bytes.getInt(0) == RIFF && bytes.getInt(8) == WEBP) {
      return ofWebp(bytes);
    }
    if (file.length < 4 || unsigned(bytes, 0) != START_OF_IMAGE) {
      return TOP_LEFT;
    }
    // Segments of a marker, the length of the rest, and the rest; the tag stands before the image.
    for (int at = 2; at + 4 <= file.length; at += 2 + unsigned(bytes, at + 2)) {
      int marker = unsigned(bytes, at);
      int end = at + 2 + unsigned(bytes, at + 2);
      if (marker < 0xff00 || marker == START_OF_SCAN || end > file.length) {
        return TOP_LEFT;
      }
      if (marker == APP1 && startsWith(bytes, at + 4, end)) {
        int tiff = at + 4 + EXIF.length;
        return ofTiff(bytes.slice(tiff, end - tiff));
      }
    }
    return TOP_LEFT;
  }

  /** Chunks of a length, a name, the content and a checksum. */
  private static Orientation ofPng(ByteBuffer bytes) {
    long at = Long.BYTES;
    while (at + 12 <= bytes.limit()) {
      long length = Integer.toUnsignedLong(bytes.getInt((int) at));
      if (bytes.getInt((int) at + 4) == PNG_EXIF && at + 12 + length <= bytes.limit()) {
        return ofTiff(bytes.slice((int) at + 8, (int) length));
      }
      at += 12 + length;
    }
    return TOP_LEFT;
  }

  /** Chunks of a name, a length, least byte first, and the content, filled to an even length. */
  private static Orientation ofWebp(ByteBuffer bytes) {
    long at = 12;
    while (at + 8 <= bytes.limit()) {
      long length = Integer.toUnsignedLong(Integer.reverseBytes(bytes.getInt((int) at + 4)));
      long end = at + 8 + length;
      if (bytes.getInt((int) at) == WEBP_EXIF && end <= bytes.limit()) {
        // Some programs write JPEG's beginning here, too.
        int from = (int) at + 8 + (startsWith(bytes, (int) at + 8, (int) end) ? EXIF.length : 0);
        return ofTiff(bytes.slice(from, (int) end - from));
      }
      at = end + length % 2;
    }
    return TOP_LEFT;
  }

  private static boolean startsWith(ByteBuffer bytes, int from, int end) {
    return end - from >= EXIF.length
        && bytes.slice(from, EXIF.length).equals(ByteBuffer.wrap(EXIF));
  }

  /**
   * TIFF: byte order, 42, the place of the first directory; there the number of entries, and 12
   * bytes for each: tag, type, count, value.
   */
  private static Orientation ofTiff(ByteBuffer tiff) {
    if (tiff.limit() < 8) {
      return TOP_LEFT;
    }
    tiff.order(unsigned(tiff, 0) == 0x4949 ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
    long directory = Integer.toUnsignedLong(tiff.getInt(4));
    if (directory + 2 > tiff.limit()) {
      return TOP_LEFT;
    }
    int entries = unsigned(tiff, (int) directory);
    for (int i = 0; i < entries; i++) {
      long entry = directory + 2 + 12L * i;
      if (entry + 12 > tiff.limit()) {
        return TOP_LEFT;
      }
      int at = (int) entry;
      if (unsigned(tiff, at) == TAG && unsigned(tiff, at + 2) == TYPE_SHORT) {
        int value = unsigned(tiff, at + 8);
        return value >= 1 && value <= values().length ? values()[value - 1] : TOP_LEFT;
      }
    }
    return TOP_LEFT;
  }

  private static int unsigned(ByteBuffer bytes, int at) {
    return Short.toUnsignedInt(bytes.getShort(at));
  }

  /** Whether stored rows are columns of the scene. */
  boolean swapsSides() {
    return ordinal() >= LEFT_TOP.ordinal();
  }

  /**
   * Turns a plane upright.
   *
   * @param stored [height, width]; what is upright already is returned itself
   * @return [height, width], or [width, height] if sides are swapped
   */
  byte[] upright(byte[] stored, int height, int width) {
    boolean flipsRows =
        switch (this) {
          case BOTTOM_RIGHT, BOTTOM_LEFT, RIGHT_TOP, RIGHT_BOTTOM -> true;
          case TOP_LEFT, TOP_RIGHT, LEFT_TOP, LEFT_BOTTOM -> false;
        };
    boolean flipsColumns =
        switch (this) {
          case TOP_RIGHT, BOTTOM_RIGHT, RIGHT_BOTTOM, LEFT_BOTTOM -> true;
          case TOP_LEFT, BOTTOM_LEFT, LEFT_TOP, RIGHT_TOP -> false;
        };
    if (this == TOP_LEFT) {
      return stored;
    }
    byte[] result = new byte[stored.length];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int row = flipsRows ? height - 1 - y : y;
        int column = flipsColumns ? width - 1 - x : x;
        result[swapsSides() ? column * height + row : row * width + column] = stored[y * width + x];
      }
    }
    return result;
  }
}
