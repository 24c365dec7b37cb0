package org.nin4j.backend.cuda.device;

import org.nin4j.text.Text;

/** Amounts of memory, for people. */
final class Sizes {
  private Sizes() {}

  static String text(long bytes) {
    if (bytes >= 1L << 30) {
      return Text.of("%.1f GiB", bytes / (double) (1L << 30));
    }
    return bytes >= 1L << 20
        ? Text.of("%.1f MiB", bytes / (double) (1L << 20))
        : Text.of("%.1f KiB", bytes / (double) (1L << 10));
  }
}
