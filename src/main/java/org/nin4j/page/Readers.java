package org.nin4j.page;

import java.util.LinkedHashMap;
import java.util.Map;

/** Who looked at a training lately, and whether they know how it ended. */
final class Readers {
  private static final int MOST = 64;
  private static final long RECENT_NANOSECONDS = 3_000_000_000L;

  private final Map<String, Look> looks =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Look> eldest) {
          return size() > MOST;
        }
      };

  private record Look(long time, boolean over) {}

  /**
   * A reader was given the state.
   *
   * @param over whether the training is over by it
   */
  synchronized void looked(String reader, boolean over) {
    looks.put(reader, new Look(System.nanoTime(), over));
    notifyAll();
  }

  /** Waits until all who looked lately have looked again and seen the end, but not for long. */
  synchronized void awaitAllSeeTheEnd() throws InterruptedException {
    long begin = System.nanoTime();
    long now = begin;
    while (now - begin < RECENT_NANOSECONDS && someoneWaits(begin)) {
      wait(Math.max(1, (RECENT_NANOSECONDS - (now - begin)) / 1_000_000));
      now = System.nanoTime();
    }
  }

  private boolean someoneWaits(long begin) {
    return looks.values().stream()
        .anyMatch(look -> !look.over() && begin - look.time() < RECENT_NANOSECONDS);
  }
}
