package org.nin4j.study;

import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import org.nin4j.backend.Backend;

/**
 * How much memory some work holds while all of it is bound. On a device with memory of its own: how
 * much less of it is free. On the processor: how much more of main memory the process holds, which
 * Linux says; on other systems, nothing.
 */
final class MemoryMeter {
  /** Counted page by page; VmRSS and VmHWM may be off by some MB for each of many cores. */
  private static final Path PAGES = Path.of("/proc/self/smaps_rollup");

  /**
   * glibc keeps up to 64 MiB that were freed, and would hand them out without taking more from the
   * system; pieces that it does not map one by one.
   */
  private static final int PIECES = 80;

  private static final int PIECE_BYTES = 1 << 20;

  private final Backend backend;
  private final OptionalLong before;

  /** Takes what is kept, until the end of the measurement. */
  private final List<ByteBuffer> ballast;

  private MemoryMeter(Backend backend, List<ByteBuffer> ballast) {
    this.backend = backend;
    this.ballast = ballast;
    before = held(backend);
  }

  /** Begins to measure, on the thread that will bind the work. */
  static MemoryMeter start(Backend backend) {
    int pieces = backend.freeBytes().isPresent() ? 0 : PIECES;
    return new MemoryMeter(
        backend,
        IntStream.range(0, pieces).mapToObj(i -> ByteBuffer.allocateDirect(PIECE_BYTES)).toList());
  }

  /** Bytes that are held more than at the start; empty where the system does not say. */
  OptionalLong taken() {
    OptionalLong now = held(backend);
    Reference.reachabilityFence(ballast);
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
}
