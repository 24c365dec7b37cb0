package org.nin4j.data.picture;

import java.io.IOException;
import java.io.InputStream;

/**
 * The bytes of a picture, which end. Some decoders take zeros for what is missing, and can go on
 * with them for minutes: after so many attempts to read on, reading fails.
 */
final class EndingStream extends InputStream {
  private static final int MOST_ATTEMPTS = 10_000;

  private final byte[] bytes;
  private int next;
  private int attempts;

  EndingStream(byte[] bytes) {
    this.bytes = bytes;
  }

  @Override
  public int read() throws IOException {
    return next < bytes.length ? bytes[next++] & 0xff : end();
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    if (next == bytes.length && length > 0) {
      return end();
    }
    int count = Math.min(length, bytes.length - next);
    System.arraycopy(bytes, next, target, offset, count);
    next += count;
    return count;
  }

  private int end() throws IOException {
    attempts++;
    if (attempts > MOST_ATTEMPTS) {
      throw new IOException("it ends too early");
    }
    return -1;
  }
}
