package org.nin4j.train.history;

import java.util.List;

/** What two equal trainings have in common: everything of a history but the clock's part. */
public final class Timeless {
  private Timeless() {}

  public static List<EpochResult> of(History history) {
    return history.epochs().stream()
        .map(
            r ->
                new EpochResult(
                    r.epoch(),
                    r.trainLoss(),
                    r.trainAccuracy(),
                    r.testLoss(),
                    r.testAccuracy(),
                    r.testTop5(),
                    0,
                    0,
                    r.learningRate(),
                    r.deadUnits(),
                    r.deadClasses()))
        .toList();
  }
}
