package org.nin4j.train.checkpoint;

import org.nin4j.backend.Metrics;
import org.nin4j.text.Text;
import org.nin4j.train.recipe.Recipe;

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

  /**
   * Checks that a run by this recipe can stand here: the sums are over the images of the steps.
   *
   * @throws IllegalArgumentException if not
   */
  void requireWithin(Recipe recipe) {
    long most = (long) step * recipe.batch();
    boolean counted = sums.samples() <= most && sums.samples() > most - recipe.batch();
    if (step == 0 ? sums.samples() != 0 : !counted) {
      throw new IllegalArgumentException(
          Text.of(
              "it stands %s, which is not where steps of %d images come after %d images",
              this, recipe.batch(), sums.samples()));
    }
    if (epoch > recipe.epochs() || epoch == recipe.epochs() && step > 0) {
      throw new IllegalArgumentException(
          Text.of("it stands %s of a run of %d", this, recipe.epochs()));
    }
    boolean ordered =
        sums.top1() >= 0 && sums.top1() <= sums.top5() && sums.top5() <= sums.samples();
    if (!ordered || !Double.isFinite(sums.lossSum()) || !(seconds >= 0 && seconds < 1e12)) {
      throw new IllegalArgumentException(
          Text.of("no run has such sums: %s in %s s", sums, seconds));
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
        : Text.of("in epoch %d, after step %d", epoch + 1, step);
  }
}
