package org.nin4j.study;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Ballast;

/**
 * How much memory some work holds while all of it is bound. On a device with memory of its own: how
 * much less of it is free. On the processor: how much more of main memory the process holds, which
 * Linux says; on other systems, nothing.
 */
final class MemoryMeter implements AutoCloseable {
  /** Counted page by page; VmRSS and VmHWM may be off by some MB for each of many cores. */
  private static final Path PAGES = Path.of("/proc/self/smaps_rollup");

  private final Backend backend;
  private final Ballast ballast;
  private final OptionalLong before;

  private MemoryMeter(Backend backend) {
    this.backend = backend;
    ballast = backend.takeLeftovers();
    before = held(backend);
  }

  /** Begins to measure, on the thread that will bind the work. */
  static MemoryMeter start(Backend backend) {
    return new MemoryMeter(backend);
  }

  /** Bytes that are held more than at the start; empty where the system does not say. */
  OptionalLong taken() {
    OptionalLong now = held(backend);
    return before.isEmpty() || now.isEmpty()
        ? OptionalLong.empty()
        : OptionalLong.of(Math.max(0, now.getAsLong() - before.getAsLong()));
  }

  /** Of the device's memory or main memory, but for a constant. */
  private static OptionalLong held(Backend backend) {
    OptionalLong free = backend.freeBytes();
    return free.isPresent() ? OptionalLong.of(-free.getAsLong()) : resident();
  }

  private static OptionalLong resident() {
    try {
      return Files.readAllLines(PAGES).stream()
          .filter(line -> line.startsWith("Rss:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
          .findFirst();
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }

  @Override
  public void close() {
    ballast.close();
  }
}
