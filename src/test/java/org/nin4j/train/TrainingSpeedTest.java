package org.nin4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.train.recipe.Recipe;

/** By a clock that goes on by half a second for each step, and more for one of them. */
class TrainingSpeedTest {
  private static final long STEP_NANOS = 500_000_000;

  private long now;

  private double measure(
      int batch, double warmUpSeconds, double seconds, int slowStep, double slowSeconds) {
    CountingBackend backend =
        new CountingBackend(
            new ReferenceBackend(), true, slowStep, () -> now += (long) (1e9 * slowSeconds));
    Recipe recipe = Trial.recipe().toBuilder().network("nin-mini").size(8).batch(batch).build();
    return TrainingSpeed.measure(
        backend, recipe, Trial.data().train(), warmUpSeconds, seconds, () -> now += STEP_NANOS);
  }

  /** Of 50 images, an epoch has 6 batches of 8 and one of 2. */
  @ParameterizedTest(name = "batch {0}, {1} s: {2} images/s")
  @CsvSource({"8, 2, 16", "8, 3.5, 14.2857", "8, 4, 14.5", "64, 2, 100", "8, 0, 16"})
  void imagesOnTheClockAreCounted(int batch, double seconds, double expected) {
    assertEquals(expected, measure(batch, 1, seconds, -1, 0), 1e-4);
  }

  @Test
  void aSlowStepOnTheClockCounts() {
    assertEquals(8 / 2.5, measure(8, 0, 2, 2, 2), 1e-9);
  }

  /** The first step, slow as one that compiles, is always warm-up. */
  @ParameterizedTest(name = "{0} s of warm-up, step {1} is slow")
  @CsvSource({"0, 1", "1, 2", "3, 6"})
  void theWarmUpDoesNotCount(double warmUpSeconds, int slowStep) {
    assertEquals(16, measure(8, warmUpSeconds, 2, slowStep, 1000), 1e-9);
  }
}
