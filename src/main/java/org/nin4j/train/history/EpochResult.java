package org.nin4j.train.history;

/**
 * What an epoch brought: one line of the history.
 *
 * @param epoch its number, from 1
 * @param trainLoss mean over the epoch's steps, each before its update
 * @param trainAccuracy share of right answers during training, in [0, 1]
 * @param testLoss mean over the test set, after the epoch
 * @param testAccuracy share with the right class first, in [0, 1]
 * @param testTop5 share with the right class among the first five, in [0, 1]
 * @param seconds the training steps took, making batches included, evaluation not
 * @param imagesPerSecond training images over these seconds
 * @param learningRate of the epoch's last step
 * @param deadUnits ReLU channels that are 0 everywhere on the images looked at
 * @param deadClasses channels of the last ReLU among them, if each belongs to a class
 */
public record EpochResult(
    int epoch,
    double trainLoss,
    double trainAccuracy,
    double testLoss,
    double testAccuracy,
    double testTop5,
    double seconds,
    double imagesPerSecond,
    float learningRate,
    int deadUnits,
    int deadClasses) {}
