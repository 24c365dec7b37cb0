package org.nin4j.backend;

/**
 * What the runs of an epoch take.
 *
 * @param seed of dropout and augmentation
 * @param firstStep number of the first run's step, counted over the whole training
 * @param order sample numbers, run after run; −1 for a place that holds no sample: a multiple of
 *     the batch size long
 * @param learningRates one for each run; ignored where nothing is updated
 * @param before what the metrics start from: the sums of the epoch's earlier steps where it goes on
 *     after an interruption, so that they are added up in the same order as without one
 * @param firstPlace where each run's samples begin in a larger batch of which they are a part: 0
 *     where they are all of it. Dropout and augmentation are drawn by the place in that batch, so
 *     that they do not depend on how it is divided
 */
public record Epoch(
    long seed, int firstStep, int[] order, float[] learningRates, Metrics before, int firstPlace) {

  /** An epoch whose batches are whole ones. */
  public Epoch(long seed, int firstStep, int[] order, float[] learningRates, Metrics before) {
    this(seed, firstStep, order, learningRates, before, 0);
  }

  /** An epoch from its beginning. */
  public Epoch(long seed, int firstStep, int[] order, float[] learningRates) {
    this(seed, firstStep, order, learningRates, Metrics.NONE);
  }
}
