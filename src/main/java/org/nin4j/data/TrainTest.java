package org.nin4j.data;

import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.nin4j.text.Text;

/**
 * What a training run needs: images to learn from and images to be judged by.
 *
 * @param train the training set
 * @param test the test set: images of the same size, of the same classes
 * @param origin where both come from, for people: a folder, or how they were drawn
 */
public record TrainTest(ImageDataset train, ImageDataset test, String origin) {
  private static final long VALIDATION_SEED = 1;

  /** Checks that both sets have images of one size and the same classes. */
  public TrainTest {
    if (train.channels() != test.channels()
        || train.height() != test.height()
        || train.width() != test.width()
        || !train.classNames().equals(test.classNames())) {
      throw new DataException(
          origin + ": training and test set do not match: " + train + "; " + test);
    }
  }

  /**
   * What settings are chosen by: a share of each class's training images, always the same, is left
   * out of the training and stands in for the test images, which nothing is chosen by. Both parts
   * are copies in memory, in the order that they had.
   *
   * @param share in (0, 1), rounded to whole images of each class
   * @throws DataException if a class would be without images to train or to test with
   */
  public TrainTest validating(double share) {
    Split split = new Split(share, VALIDATION_SEED);
    boolean[] kept = new boolean[train.count()];
    for (int label = 0; label < train.classNames().size(); label++) {
      int of = label;
      int[] images = images(i -> train.label(i) == of);
      boolean[] chosen = split.choose(images.length, label);
      int number = 0;
      for (int i = 0; i < images.length; i++) {
        kept[images[i]] = chosen[i];
        number += chosen[i] ? 1 : 0;
      }
      if (images.length > 0 && (number == 0 || number == images.length)) {
        throw new DataException(
            Text.of(
                "a share of %s for validation leaves the class %s (%d training images) nothing to %s with",
                share,
                train.classNames().get(label),
                images.length,
                number == 0 ? "validate" : "train"));
      }
    }
    return new TrainTest(
        train.only(images(i -> !kept[i])),
        train.only(images(i -> kept[i])),
        origin + ", " + share + " of the training images kept back for validation");
  }

  private int[] images(IntPredicate which) {
    return IntStream.range(0, train.count()).filter(which).toArray();
  }

  /** The name of the data set. */
  public String name() {
    return train.name();
  }
}
