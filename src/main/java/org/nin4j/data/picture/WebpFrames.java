package org.nin4j.data.picture;

import java.io.EOFException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * How large the frames of a WebP picture are, by themselves: the decoder takes memory for what a
 * frame claims, whatever the picture as a whole does, and takes what is missing for some number.
 *
 * <p>Source: RFC 9649, sections 2.4 to 2.7 (chunks), 3.4 (lossless); RFC 6386, section 9.1 (lossy).
 */
final class WebpFrames {
  private static final int LOSSY = tag("VP8 ");
  private static final int LOSSLESS = tag("VP8L");
  private static final int ANIMATED = tag("ANMF");

  /** RIFF, its size, WEBP. */
  private static final int HEADER = 12;

  /** What an animated frame says of itself before its own chunks begin. */
  private static final int ANIMATED_HEADER = 16;

  /** A lossy frame: three bytes of its kind, three that are always the same. */
  private static final int BEFORE_LOSSY_SIZE = 6;

  /** A lossless frame: one byte that is always the same. */
  private static final int BEFORE_LOSSLESS_SIZE = 1;

  /** Sizes have so many bits. */
  private static final int BITS = 14;

  private static final int MASK = (1 << BITS) - 1;

  /**
   * The size of a frame.
   *
   * @param width in pixels
   * @param height in pixels
   */
  record Size(int width, int height) {}

  private WebpFrames() {}

  /**
   * The sizes of all frames of a picture, in order.
   *
   * @throws EOFException if a chunk is longer than what is there, or a frame too short for a size
   */
  static List<Size> of(byte[] webp) throws EOFException {
    List<Size> sizes = new ArrayList<>();
    try {
      add(ByteBuffer.wrap(webp).position(HEADER), true, sizes);
    } catch (BufferUnderflowException | IllegalArgumentException e) {
      throw new EOFException();
    }
    return sizes;
  }

  /**
   * Adds the sizes of the frames in some chunks.
   *
   * @param animations whether frames of an animation may be among them: they hold none themselves
   */
  private static void add(ByteBuffer chunks, boolean animations, List<Size> sizes) {
    chunks.order(ByteOrder.LITTLE_ENDIAN);
    // What is too short for a chunk is none: some writers leave a byte behind the last.
    while (chunks.remaining() >= 2 * Integer.BYTES) {
      int tag = chunks.getInt();
      int length = chunks.getInt();
      ByteBuffer content = chunks.slice().limit(length).order(ByteOrder.LITTLE_ENDIAN);
      if (tag == LOSSY) {
        content.position(BEFORE_LOSSY_SIZE);
        sizes.add(new Size(content.getShort() & MASK, content.getShort() & MASK));
      } else if (tag == LOSSLESS) {
        content.position(BEFORE_LOSSLESS_SIZE);
        int both = content.getInt();
        sizes.add(new Size((both & MASK) + 1, (both >>> BITS & MASK) + 1));
      } else if (tag == ANIMATED && animations) {
        add(content.position(ANIMATED_HEADER), false, sizes);
      }
      // Chunks begin at even places; the last may lack the byte between.
      chunks.position(Math.min(chunks.limit(), chunks.position() + length + (length & 1)));
    }
  }

  private static int tag(String name) {
    return name.charAt(0) | name.charAt(1) << 8 | name.charAt(2) << 16 | name.charAt(3) << 24;
  }
}
