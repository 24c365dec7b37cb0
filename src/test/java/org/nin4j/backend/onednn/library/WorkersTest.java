package org.nin4j.backend.onednn.library;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class WorkersTest {
  @Test
  void eachPartIsDoneOnceInEveryRound() {
    for (int count : new int[] {1, 2, 5}) {
      try (Workers workers = new Workers(count)) {
        for (int parts : new int[] {0, 1, 3, 100}) {
          // Some rounds after a pause, when the others sleep; most at once, while they still look.
          for (int round = 0; round < 200; round++) {
            AtomicIntegerArray done = new AtomicIntegerArray(parts);
            workers.run(
                parts,
                (thread, part) -> {
                  assertTrue(thread >= 0 && thread < count);
                  done.incrementAndGet(part);
                });
            for (int part = 0; part < parts; part++) {
              assertEquals(1, done.get(part));
            }
          }
        }
      }
    }
  }

  /** What a thread keeps for itself is never used by two at once. */
  @Test
  void noTwoThreadsHaveOneNumber() {
    try (Workers workers = new Workers(4)) {
      AtomicIntegerArray busy = new AtomicIntegerArray(4);
      for (int round = 0; round < 200; round++) {
        workers.run(
            50,
            (thread, part) -> {
              assertEquals(1, busy.incrementAndGet(thread));
              Thread.onSpinWait();
              busy.decrementAndGet(thread);
            });
      }
    }
  }

  @Test
  void aFailureComesToTheCallerAndTheNextRoundIsWhole() {
    try (Workers workers = new Workers(3)) {
      IllegalStateException failure =
          assertThrows(
              IllegalStateException.class,
              () ->
                  workers.run(
                      30,
                      (thread, part) -> {
                        if (part == 17) {
                          throw new ArithmeticException("part 17");
                        }
                      }));
      assertTrue(failure.getMessage().contains("part 17"), failure.getMessage());
      AtomicIntegerArray done = new AtomicIntegerArray(30);
      workers.run(30, (thread, part) -> done.incrementAndGet(part));
      for (int part = 0; part < 30; part++) {
        assertEquals(1, done.get(part));
      }
    }
  }
}
