package org.nin4j.train;

import java.util.Arrays;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Metrics;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.session.SampleOrder;

/**
 * What a training's session is given for steps of an epoch: the order of the images, the rates, the
 * seed. It follows from these alone, so that an epoch can be gone on with, and run again.
 *
 * @param recipe of the training
 * @param images that it trains on
 * @param steps of an epoch
 */
record Epochs(Recipe recipe, int images, int steps) {
  /** Steps of all epochs. */
  long allSteps() {
    return (long) recipe.epochs() * steps;
  }

  /**
   * Some steps of an epoch.
   *
   * @param epoch so many are complete
   * @param before steps of the epoch that have been done
   * @param count how many come
   * @param sums of the steps before
   */
  Epoch part(int epoch, int before, int count, Metrics sums) {
    long first = (long) epoch * steps + before;
    int[] order = SampleOrder.shuffled(images, recipe.batch(), recipe.seed(), epoch);
    return new Epoch(
        recipe.seed(),
        Math.toIntExact(first),
        Arrays.copyOfRange(order, before * recipe.batch(), (before + count) * recipe.batch()),
        recipe.schedule().rates(first, count, allSteps()),
        sums);
  }
}
