package org.nin4j.train.recipe;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class ScheduleTest {
  // Values written with a few decimal digits; a float has about 7.
  private static final float TOLERANCE = 1e-7f;

  @Test
  void constantStaysAsItIs() {
    assertArrayEquals(
        new float[] {0.1f, 0.1f, 0.1f}, new Schedule.Constant(0.1f).rates(7, 3, 10), 0);
  }

  @Test
  void cosineRisesThenFallsToAlmostNothing() {
    Schedule schedule = new Schedule.Cosine(0.8f, 0.2f);
    // 2 of 10 steps of warm-up; then (1 + cos(π·k/8)) / 2 of 0.8 for k = 0 … 7.
    assertArrayEquals(
        new float[] {
          0.4f,
          0.8f,
          0.8f,
          0.76955181f,
          0.68284271f,
          0.55307337f,
          0.4f,
          0.24692663f,
          0.11715729f,
          0.03044819f
        },
        schedule.rates(0, 10, 10),
        TOLERANCE);
  }

  @Test
  void linearRisesThenFallsEvenly() {
    Schedule schedule = new Schedule.Linear(0.8f, 0.2f);
    assertArrayEquals(
        new float[] {0.4f, 0.8f, 0.8f, 0.7f, 0.6f, 0.5f, 0.4f, 0.3f, 0.2f, 0.1f},
        schedule.rates(0, 10, 10),
        TOLERANCE);
  }

  @Test
  void stepsFallAtMilestones() {
    Schedule schedule = new Schedule.Steps(0.5f, 0.1f, List.of(0.5f, 0.75f));
    assertArrayEquals(
        new float[] {0.5f, 0.5f, 0.5f, 0.5f, 0.05f, 0.05f, 0.005f, 0.005f},
        schedule.rates(0, 8, 8),
        TOLERANCE);
  }

  @Test
  void ratesFromTheMiddleAreThoseOfTheWhole() {
    Schedule schedule = new Schedule.Cosine(0.02f, 0.1f);
    float[] whole = schedule.rates(0, 50, 50);
    float[] part = schedule.rates(17, 5, 50);
    for (int i = 0; i < part.length; i++) {
      assertEquals(whole[17 + i], part[i]);
    }
  }

  @Test
  void aRunOfOneStepHasARate() {
    assertEquals(0.5f, new Schedule.Cosine(0.5f, 0.9f).rate(0, 1));
    assertEquals(0.5f, new Schedule.Linear(0.5f, 0.9f).rate(0, 1));
  }

  @Test
  void nonsenseIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> new Schedule.Constant(0));
    assertThrows(IllegalArgumentException.class, () -> new Schedule.Constant(Float.NaN));
    assertThrows(IllegalArgumentException.class, () -> new Schedule.Cosine(0.1f, 1));
    assertThrows(IllegalArgumentException.class, () -> new Schedule.Linear(0.1f, -0.1f));
    assertThrows(IllegalArgumentException.class, () -> new Schedule.Steps(0.1f, 1, List.of(0.5f)));
    assertThrows(IllegalArgumentException.class, () -> new Schedule.Steps(0.1f, 0.1f, List.of(1f)));
  }
}
