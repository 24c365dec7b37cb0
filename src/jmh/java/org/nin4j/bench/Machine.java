package org.nin4j.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a figure was measured on. */
final class Machine {
  private Machine() {}

  /** The processor and how many of its cores there are. */
  static String name() {
    String processor =
        value("/proc/cpuinfo", "model name").isEmpty()
            ? "unknown processor"
            : value("/proc/cpuinfo", "model name");
    return processor + ", " + Runtime.getRuntime().availableProcessors() + " cores";
  }

  /** Bytes of this process that are in memory. */
  static long residentBytes() {
    return 1024 * Long.parseLong(value("/proc/self/status", "VmRSS").replaceAll("\\D", ""));
  }

  /**
   * Bytes of this process that lie in huge pages. The kernel may put some pages and the untouched
   * ones between them into one huge page at any time, and what is in memory grows by the latter.
   */
  static long hugePageBytes() {
    String huge = value("/proc/self/smaps_rollup", "AnonHugePages").replaceAll("\\D", "");
    return huge.isEmpty() ? 0 : 1024 * Long.parseLong(huge);
  }

  /** What stands behind the colon of the first line that starts so; empty if none does. */
  private static String value(String file, String start) {
    try {
      return Files.readAllLines(Path.of(file)).stream()
          .filter(line -> line.startsWith(start))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse("");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
