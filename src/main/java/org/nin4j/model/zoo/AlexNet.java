package org.nin4j.model.zoo;

import static org.nin4j.model.Activation.RELU;

import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;

/**
 * AlexNet as the book has it: one part instead of two, no local response normalisation, padding 1
 * in the first convolution. Source: Krizhevsky, Sutskever, Hinton, "ImageNet Classification with
 * Deep Convolutional Neural Networks", 2012.
 */
public final class AlexNet {
  private AlexNet() {}

  public static Network of(int classes) {
    return new Network(
        "alexnet",
        Sequential.of(
            new Conv2d(96, 11, 4, 1),
            RELU,
            new MaxPool2d(3, 2),
            new Conv2d(256, 5, 1, 2),
            RELU,
            new MaxPool2d(3, 2),
            new Conv2d(384, 3, 1, 1),
            RELU,
            new Conv2d(384, 3, 1, 1),
            RELU,
            new Conv2d(256, 3, 1, 1),
            RELU,
            new MaxPool2d(3, 2),
            new Flatten(),
            new Linear(4096),
            RELU,
            new Dropout(0.5f),
            new Linear(4096),
            RELU,
            new Dropout(0.5f),
            new Linear(classes)));
  }
}
