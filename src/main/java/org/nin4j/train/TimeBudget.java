package org.nin4j.train;

import org.nin4j.train.recipe.Recipes;

/**
 * How long a training may be so that it ends in time. The choice depends on the figures it is given
 * alone; {@link TrainingSpeed} measures the speed.
 *
 * <pre>{@code
 * Recipe shortest = Recipes.standard(Recipes.FEWEST_EPOCHS);
 * double speed = TrainingSpeed.measure(backend, shortest, data.train(), 6, 10);
 * TimeBudget.Choice choice =
 *     new TimeBudget(500).choose(speed, data.train().count(), data.test().count());
 * Recipe recipe = Recipes.standard(choice.epochs());
 * }</pre>
 *
 * @param seconds until the last epoch is evaluated and saved; nothing fits where they are 0 or less
 */
public record TimeBudget(double seconds) {
  /** Share that is kept back: machines shared with others slow down by as much. */
  private static final double KEPT = 0.1;

  /**
   * What evaluating an image takes, in trained images: forward alone is a third, and the rest is
   * for counting dead units.
   */
  private static final double TEST_IMAGE = 0.5;

  /** Saving and drawing curves after an epoch. */
  private static final double EPOCH_END_SECONDS = 1;

  public TimeBudget {
    if (!Double.isFinite(seconds)) {
      throw new IllegalArgumentException("a time budget is a number of seconds, not " + seconds);
    }
  }

  /**
   * What was chosen, and why.
   *
   * @param imagesPerSecond trained on this device
   * @param epochs settings are those of {@link Recipes#standard(int)}
   * @param expectedSeconds what they take at this speed, without what is kept back
   * @param fits whether they end in time; if not, they are the fewest there are
   */
  public record Choice(double imagesPerSecond, int epochs, double expectedSeconds, boolean fits) {}

  /**
   * The most epochs that fit, of those that {@link Recipes#standard(int)} has settings for.
   *
   * @param imagesPerSecond trained on this device; above 0
   * @param trainImages in an epoch
   * @param testImages evaluated after each epoch
   */
  public Choice choose(double imagesPerSecond, int trainImages, int testImages) {
    if (!(imagesPerSecond > 0 && imagesPerSecond < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "a speed is above 0 images/s and finite, not " + imagesPerSecond);
    }
    double epochSeconds =
        (trainImages + TEST_IMAGE * testImages) / imagesPerSecond + EPOCH_END_SECONDS;
    double fitting = Math.floor((1 - KEPT) * seconds / epochSeconds);
    int epochs = (int) Math.max(Recipes.FEWEST_EPOCHS, Math.min(fitting, Recipes.MOST_EPOCHS));
    return new Choice(
        imagesPerSecond, epochs, epochs * epochSeconds, fitting >= Recipes.FEWEST_EPOCHS);
  }
}
