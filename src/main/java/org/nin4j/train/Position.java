package org.nin4j.train;

import org.nin4j.backend.Metrics;

/**
 * How far a run is.
 *
 * @param epoch complete epochs, evaluated too
 * @param step steps done in the epoch after them
 * @param sums metrics of those steps
 * @param seconds those steps took
 */
public record Position(int epoch, int step, Metrics sums, double seconds) {
  public Position {
    if (epoch < 0 || step < 0) {
      throw new IllegalArgumentException("a position is counted from 0");
    }
  }

  /** The beginning of an epoch. */
  public static Position atEpoch(int epoch) {
    return new Position(epoch, 0, Metrics.NONE, 0);
  }

  /** For example {@code after epoch 3} or {@code in epoch 4, after step 120}. */
  @Override
  public String toString() {
    return step == 0
        ? "after epoch " + epoch
        : "in epoch %d, after step %d".formatted(epoch + 1, step);
  }
}
