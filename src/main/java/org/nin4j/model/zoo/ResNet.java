package org.nin4j.model.zoo;

import static org.nin4j.model.Activation.RELU;

import org.nin4j.model.BatchNorm;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Identity;
import org.nin4j.model.Layer;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Part;
import org.nin4j.model.Sequential;
import org.nin4j.model.Sum;
import org.nin4j.model.Window;

/**
 * ResNet-18 as the book has it, with biases in the convolutions. Source: He, Zhang, Ren, Sun, "Deep
 * Residual Learning for Image Recognition", 2015.
 */
public final class ResNet {
  private ResNet() {}

  /** Seventeen convolutions and a linear layer. */
  public static Network eighteen(int classes) {
    return new Network(
        "resnet18",
        Sequential.of(
            Sequential.of(new Conv2d(64, 7, 2, 3), new BatchNorm(), RELU, new MaxPool2d(3, 2, 1)),
            Sequential.of(residual(64), residual(64)),
            Sequential.of(halving(128), residual(128)),
            Sequential.of(halving(256), residual(256)),
            Sequential.of(halving(512), residual(512)),
            new GlobalAvgPool2d(),
            new Flatten(),
            new Linear(classes)));
  }

  /** A block that leaves channels and pixels as they are. */
  static Sequential residual(int channels) {
    return block(channels, 1, new Identity());
  }

  /** A block that halves height and width; a 1×1 convolution brings its input to the same shape. */
  static Sequential halving(int channels) {
    return block(channels, 2, new Conv2d(channels, 1, 2, 0));
  }

  private static Sequential block(int channels, int stride, Layer shortcut) {
    Sequential main =
        Sequential.of(
            Part.of("conv1", new Conv2d(channels, new Window(3, stride, 1))),
            Part.of("bn1", new BatchNorm()),
            Part.of("relu1", RELU),
            Part.of("conv2", new Conv2d(channels, 3, 1, 1)),
            Part.of("bn2", new BatchNorm()));
    return Sequential.of(
        Part.inline("sum", Sum.of(Part.inline("main", main), Part.of("conv3", shortcut))),
        Part.of("relu", RELU));
  }
}
