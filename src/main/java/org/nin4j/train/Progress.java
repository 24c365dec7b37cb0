package org.nin4j.train;

import org.nin4j.backend.Metrics;

/**
 * Where a run is within an epoch.
 *
 * @param phase what it does there
 * @param epoch the epoch's number, from 1
 * @param epochs of the whole run
 * @param step steps done in this phase
 * @param steps of this phase
 * @param sums metrics of these steps
 * @param imagesPerSecond in this phase so far
 */
public record Progress(
    Phase phase, int epoch, int epochs, int step, int steps, Metrics sums, double imagesPerSecond) {
  /** What a run does within an epoch. */
  public enum Phase {
    TRAINING,
    EVALUATION
  }
}
