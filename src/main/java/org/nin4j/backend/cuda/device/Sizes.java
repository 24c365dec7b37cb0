package org.nin4j.backend.cuda.device;

/** Amounts of memory, for people. */
final class Sizes {
  private Sizes() {}

  static String text(long bytes) {
    if (bytes >= 1L << 30) {
      return "%.1f GiB".formatted(bytes / (double) (1L << 30));
    }
    return bytes >= 1L << 20
        ? "%.1f MiB".formatted(bytes / (double) (1L << 20))
        : "%.1f KiB".formatted(bytes / (double) (1L << 10));
  }
}
