package org.nin4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** When checkpoints within epochs are due, by a clock that the test sets, in seconds. */
class SavePaceTest {
  private static final long SECOND = 1_000_000_000L;

  private final AtomicLong now = new AtomicLong(-5 * SECOND);

  private SavePace every(int seconds) {
    return new SavePace(Duration.ofSeconds(seconds), now::get);
  }

  private void pass(double seconds) {
    now.addAndGet(Math.round(seconds * SECOND));
  }

  private void saveWithin(SavePace pace, double takes) {
    pace.begin();
    pass(takes);
    assertEquals(Math.round(takes * SECOND), pace.endedWithin());
  }

  @Test
  void itIsDueThatLongAfterTheLastOneOfEitherKind() {
    SavePace pace = every(300);
    pass(299);
    assertFalse(pace.due());
    pass(1);
    assertTrue(pace.due());
    saveWithin(pace, 0.1);
    pass(299);
    assertFalse(pace.due());
    pace.begin();
    pass(0.5);
    pace.endedEpoch();
    pass(299);
    assertFalse(pace.due());
    pass(1);
    assertTrue(pace.due());
  }

  @Test
  void zeroIsNever() {
    SavePace pace = every(0);
    pass(1e6);
    assertFalse(pace.due());
  }

  @Test
  void whatTakesLongComesLessOften() {
    SavePace pace = every(60);
    double saving = 0;
    double all = 0;
    int saves = 0;
    while (all < 36_000) {
      pass(1);
      all += 1;
      if (pace.due()) {
        saveWithin(pace, 6);
        saving += 6;
        all += 6;
        saves++;
        assertTrue(saves == 1 || saving <= 0.01 * all, saving + " of " + all);
      }
    }
    assertEquals(60, saves, 1);
  }

  @Test
  void theEndOfAnEpochSaysWhatTheFirstOneWillTake() {
    SavePace pace = every(60);
    pace.begin();
    pass(6);
    pace.endedEpoch();
    pass(593);
    assertFalse(pace.due());
    pass(1);
    assertTrue(pace.due());
  }
}
