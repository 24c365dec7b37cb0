package org.nin4j.train.checkpoint;

import org.nin4j.text.Text;

/**
 * The epoch with the highest test accuracy so far: the one that {@code best.safetensors} holds.
 * Accuracies are compared only where they were measured on the same images.
 *
 * @param epoch its number, from 1
 * @param testAccuracy share of right answers, in [0, 1]
 * @param testData fingerprint of the images that it was measured on
 */
public record Best(int epoch, double testAccuracy, String testData) {
  public Best {
    if (epoch < 1) {
      throw new IllegalArgumentException("epochs are counted from 1, not " + epoch);
    }
    if (!(testAccuracy >= 0 && testAccuracy <= 1)) {
      throw new IllegalArgumentException("an accuracy is in [0, 1], not " + testAccuracy);
    }
  }

  /** Whether another result was measured on the same images and is not higher. */
  public boolean holdsAgainst(Best other) {
    return testData.equals(other.testData) && testAccuracy >= other.testAccuracy;
  }

  /** For example {@code 0.8312 after epoch 3}. */
  @Override
  public String toString() {
    return Text.of("%.4f after epoch %d", testAccuracy, epoch);
  }
}
