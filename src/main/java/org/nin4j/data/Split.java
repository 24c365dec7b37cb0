package org.nin4j.data;

/**
 * How a data set that is not divided is divided.
 *
 * @param share of each class's images that are for testing, rounded to whole images; in (0, 1)
 * @param seed of the choice
 */
public record Split(double share, long seed) {
  /**
   * Checks the share.
   *
   * @throws IllegalArgumentException if it leaves nothing to train or to test with
   */
  public Split {
    if (!(share > 0 && share < 1)) {
      throw new IllegalArgumentException(
          "a split is the share of the images to test with, above 0 and below 1, not " + share);
    }
  }

  /** For example {@code split 0.1, seed 1}. */
  @Override
  public String toString() {
    return "split " + share + ", seed " + seed;
  }
}
