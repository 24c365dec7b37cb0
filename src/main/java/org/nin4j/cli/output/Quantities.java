package org.nin4j.cli.output;

import org.nin4j.text.Text;

/** Numbers for people. */
public final class Quantities {
  private Quantities() {}

  /** For example 1,992,166. */
  public static String count(long number) {
    return Text.of("%,d", number);
  }

  /** For example 31.4 kB, 12.3 MB or 4.56 GB, of 1024, 1024 × 1024 and so on. */
  public static String bytes(long bytes) {
    if (bytes < 100 << 10) {
      return Text.of("%.1f kB", bytes / (double) (1 << 10));
    }
    return bytes < 1L << 30
        ? Text.of("%.1f MB", bytes / (double) (1 << 20))
        : Text.of("%.2f GB", bytes / (double) (1 << 30));
  }

  /** For example 48 s, 12 min 5 s or 3 h 20 min. */
  public static String duration(double seconds) {
    if (seconds < 9.95) {
      return Text.of("%.1f s", seconds);
    }
    long whole = Math.round(seconds);
    if (whole < 60) {
      return whole + " s";
    }
    return whole < 3600
        ? whole / 60 + " min " + whole % 60 + " s"
        : whole / 3600 + " h " + whole % 3600 / 60 + " min";
  }

  /** Images per second: as many digits as matter. */
  public static String speed(double imagesPerSecond) {
    return Text.of(imagesPerSecond < 99.95 ? "%.1f images/s" : "%,.0f images/s", imagesPerSecond);
  }
}
