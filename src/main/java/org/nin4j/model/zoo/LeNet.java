package org.nin4j.model.zoo;

import static org.nin4j.model.Activation.SIGMOID;

import org.nin4j.model.AvgPool2d;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.Linear;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;

/**
 * LeNet-5 for 28×28 images, with sigmoids and average pools. Source: LeCun, Bottou, Bengio,
 * Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998, without its Gaussian
 * layer.
 */
public final class LeNet {
  private LeNet() {}

  /** As published in the book. */
  public static Network of(int classes) {
    return new Network(
        "lenet",
        Sequential.of(
            new Conv2d(6, 5, 1, 2),
            SIGMOID,
            new AvgPool2d(2, 2),
            new Conv2d(16, 5, 1, 0),
            SIGMOID,
            new AvgPool2d(2, 2),
            new Flatten(),
            new Linear(120),
            SIGMOID,
            new Linear(84),
            SIGMOID,
            new Linear(classes)));
  }

  /** With batch normalisation before every sigmoid. */
  public static Network withBatchNorm(int classes) {
    return new Network(
        "lenet-bn",
        Sequential.of(
            new Conv2d(6, 5, 1, 2),
            new BatchNorm(),
            SIGMOID,
            new AvgPool2d(2, 2),
            new Conv2d(16, 5, 1, 0),
            new BatchNorm(),
            SIGMOID,
            new AvgPool2d(2, 2),
            new Flatten(),
            new Linear(120),
            new BatchNorm(),
            SIGMOID,
            new Linear(84),
            new BatchNorm(),
            SIGMOID,
            new Linear(classes)));
  }
}
