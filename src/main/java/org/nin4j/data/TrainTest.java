package org.nin4j.data;

/**
 * What a training run needs: images to learn from and images to be judged by.
 *
 * @param train the training set
 * @param test the test set: images of the same size, of the same classes
 * @param origin where both come from, for people: a folder, or how they were drawn
 */
public record TrainTest(ImageDataset train, ImageDataset test, String origin) {

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

  /** The name of the data set. */
  public String name() {
    return train.name();
  }
}
