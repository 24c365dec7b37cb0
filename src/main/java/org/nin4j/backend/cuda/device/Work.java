package org.nin4j.backend.cuda.device;

import java.util.List;

/** Something that is put into the device's stream, again and again, and not waited for. */
@FunctionalInterface
public interface Work {
  void enqueue();

  /** The same some times. */
  static Work repeated(Work work, int times) {
    return () -> {
      for (int i = 0; i < times; i++) {
        work.enqueue();
      }
    };
  }

  /** One after the other. */
  static Work sequence(List<Work> parts) {
    Work[] all = parts.toArray(Work[]::new);
    return () -> {
      for (Work work : all) {
        work.enqueue();
      }
    };
  }
}
