package org.nin4j.study;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import org.nin4j.backend.Backend;

/**
 * How much memory some work takes at its peak. On a device with memory of its own: how much less of
 * it is free while everything is bound. On the processor: the peak of what the process holds in
 * main memory (VmHWM, which Linux begins anew on request) above what it held before; on systems
 * that do not say it, nothing.
 */
final class MemoryMeter {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path CLEAR = Path.of("/proc/self/clear_refs");

  /** The request to begin the peak anew. */
  private static final String RESET_PEAK = "5";

  private final Backend backend;
  private final OptionalLong before;

  private MemoryMeter(Backend backend, OptionalLong before) {
    this.backend = backend;
    this.before = before;
  }

  /** Begins to measure. */
  static MemoryMeter start(Backend backend) {
    OptionalLong free = backend.freeBytes();
    return new MemoryMeter(backend, free.isPresent() ? free : resetPeak());
  }

  private static OptionalLong resetPeak() {
    try {
      Files.writeString(CLEAR, RESET_PEAK);
      return status("VmRSS");
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }

  /** Bytes at the peak so far; empty where the system does not say. */
  OptionalLong peak() {
    OptionalLong free = backend.freeBytes();
    OptionalLong now = free.isPresent() ? free : status("VmHWM");
    if (before.isEmpty() || now.isEmpty()) {
      return OptionalLong.empty();
    }
    long taken = now.getAsLong() - before.getAsLong();
    return OptionalLong.of(Math.max(0, free.isPresent() ? -taken : taken));
  }

  private static OptionalLong status(String name) {
    try {
      return Files.readAllLines(STATUS).stream()
          .filter(line -> line.startsWith(name + ":"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
          .findFirst();
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }
}
