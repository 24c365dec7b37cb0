package org.nin4j.model.zoo;

import static org.nin4j.model.Activation.RELU;

import org.nin4j.model.Concat;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Layer;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Part;
import org.nin4j.model.Sequential;
import org.nin4j.model.Window;

/**
 * GoogLeNet as the book has it: nine Inception blocks, no auxiliary classifiers. Source: Szegedy et
 * al., "Going Deeper with Convolutions", 2014.
 */
public final class GoogLeNet {
  private GoogLeNet() {}

  public static Network of(int classes) {
    MaxPool2d half = new MaxPool2d(3, 2, 1);
    return new Network(
        "googlenet",
        Sequential.of(
            Sequential.of(new Conv2d(64, 7, 2, 3), RELU, half),
            Sequential.of(new Conv2d(64, 1, 1, 0), RELU, new Conv2d(192, 3, 1, 1), half),
            Sequential.of(
                inception(64, 96, 128, 16, 32, 32), inception(128, 128, 192, 32, 96, 64), half),
            Sequential.of(
                inception(192, 96, 208, 16, 48, 64),
                inception(160, 112, 224, 24, 64, 64),
                inception(128, 128, 256, 24, 64, 64),
                inception(112, 144, 288, 32, 64, 64),
                inception(256, 160, 320, 32, 128, 128),
                half),
            Sequential.of(
                inception(256, 160, 320, 32, 128, 128),
                inception(384, 192, 384, 48, 128, 128),
                new GlobalAvgPool2d(),
                new Flatten()),
            new Linear(classes)));
  }

  /**
   * Four branches side by side: 1×1; 1×1 then 3×3; 1×1 then 5×5; max pool then 1×1. Each number is
   * a convolution's channels.
   */
  static Sequential inception(int one, int before3, int three, int before5, int five, int pooled) {
    Concat branches =
        Concat.of(
            Part.inline(
                "p1",
                Sequential.of(Part.of("p1_1", convolution(one, 1)), Part.of("relu1_1", RELU))),
            Part.inline("p2", narrowed("2", before3, three, 3)),
            Part.inline("p3", narrowed("3", before5, five, 5)),
            Part.inline(
                "p4",
                Sequential.of(
                    Part.of("p4_1", new MaxPool2d(3, 1, 1)),
                    Part.of("p4_2", convolution(pooled, 1)),
                    Part.of("relu4_2", RELU))));
    return Sequential.of(Part.inline("concat", branches));
  }

  private static Layer narrowed(String branch, int before, int channels, int kernel) {
    return Sequential.of(
        Part.of("p" + branch + "_1", convolution(before, 1)),
        Part.of("relu" + branch + "_1", RELU),
        Part.of("p" + branch + "_2", convolution(channels, kernel)),
        Part.of("relu" + branch + "_2", RELU));
  }

  /** As large outside as inside. */
  private static Conv2d convolution(int channels, int kernel) {
    return new Conv2d(channels, new Window(kernel, 1, kernel / 2));
  }
}
