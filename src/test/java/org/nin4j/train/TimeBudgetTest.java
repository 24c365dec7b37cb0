package org.nin4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TimeBudgetTest {
  private static final int TRAIN = 60_000;
  private static final int TEST = 10_000;

  /** An epoch takes 65,000 trained images and a second; nine tenths of the time are given out. */
  @ParameterizedTest(name = "{0} images/s, {1} s: {2} epochs in {3} s")
  @CsvSource({
    "100000, 520, 5, 8.25, true",
    "1200, 520, 5, 275.833, true",
    "620, 520, 4, 423.355, true",
    "490, 520, 3, 400.959, true",
    "440, 520, 3, 446.182, true",
    "390, 520, 2, 335.333, true",
    "200, 520, 1, 326, true",
    "1, 520, 1, 65001, false",
    "65000, 4.5, 2, 4, true",
    "65000, 4.4, 1, 2, true",
    "65000, 2.3, 1, 2, true",
    "65000, 2.2, 1, 2, false",
    "440, 0, 1, 148.727, false",
    "440, -20, 1, 148.727, false"
  })
  void epochsFollowFromSpeedAndTime(
      double speed, double seconds, int epochs, double expected, boolean fits) {
    TimeBudget.Choice choice = new TimeBudget(seconds).choose(speed, TRAIN, TEST);
    assertEquals(epochs, choice.epochs());
    assertEquals(expected, choice.expectedSeconds(), 1e-3);
    assertEquals(fits, choice.fits());
    assertEquals(speed, choice.imagesPerSecond());
  }

  @Test
  void aFasterDeviceOrMoreTimeIsNeverGivenFewerEpochs() {
    long seed = System.nanoTime();
    System.out.println("TimeBudgetTest: seed " + seed);
    Random random = new Random(seed);
    for (int i = 0; i < 1000; i++) {
      double speed = Math.exp(10 * random.nextDouble());
      double seconds = 1000 * random.nextDouble();
      TimeBudget.Choice choice = new TimeBudget(seconds).choose(speed, TRAIN, TEST);
      assertTrue(
          choice.epochs() <= new TimeBudget(seconds).choose(1.1 * speed, TRAIN, TEST).epochs());
      assertTrue(
          choice.epochs() <= new TimeBudget(1.1 * seconds).choose(speed, TRAIN, TEST).epochs());
      if (choice.fits()) {
        assertTrue(choice.expectedSeconds() <= 0.9 * seconds);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, -1, Double.NaN, Double.POSITIVE_INFINITY})
  void whatIsNoSpeedIsRefused(double speed) {
    TimeBudget budget = new TimeBudget(500);
    assertThrows(IllegalArgumentException.class, () -> budget.choose(speed, TRAIN, TEST));
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
  void whatIsNoTimeIsRefused(double seconds) {
    assertThrows(IllegalArgumentException.class, () -> new TimeBudget(seconds));
  }
}
