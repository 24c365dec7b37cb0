package org.nin4j.data;

import org.nin4j.tensor.Philox;

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
    requireShare(share);
  }

  /**
   * Checks a share.
   *
   * @throws IllegalArgumentException if it leaves nothing to train or to test with
   */
  public static void requireShare(double share) {
    if (!(share > 0 && share < 1)) {
      throw new IllegalArgumentException(
          "a split is the share of the images to test with, above 0 and below 1, not " + share);
    }
  }

  /**
   * Which images of a class are for testing: the first of a random order (Durstenfeld's Algorithm
   * 235) of its own.
   *
   * @param count images of the class
   * @param label of the class
   * @return [count]; none or all are true where the share of so few images rounds to that
   */
  public boolean[] choose(int count, int label) {
    int chosen = (int) Math.round(share * count);
    Philox.Sequence random = new Philox.Sequence(seed, label, Philox.Stream.SPLIT);
    int[] order = new int[count];
    for (int i = 0; i < count; i++) {
      order[i] = i;
    }
    boolean[] result = new boolean[count];
    for (int i = 0; i < chosen; i++) {
      int j = i + random.nextBelow(count - i);
      result[order[j]] = true;
      order[j] = order[i];
    }
    return result;
  }

  /** For example {@code split 0.1, seed 1}. */
  @Override
  public String toString() {
    return "split " + share + ", seed " + seed;
  }
}
