package org.nin4j.model;

import java.util.List;

/** The networks that come with the library. */
public final class Networks {
  private Networks() {}

  /** Network in Network as published, for the given number of classes. */
  public static Network nin(int classes) {
    return nin(classes, NinBlock.TWO_1X1);
  }

  /**
   * Network in Network with other inner convolutions in every block.
   *
   * @param classes how many classes the network tells apart
   * @param inner the convolutions that follow each block's first
   */
  public static Network nin(int classes, List<Window> inner) {
    return new Network(
        "nin",
        Sequential.of(
            new NinBlock(96, new Window(11, 4, 0), inner),
            new MaxPool2d(3, 2),
            new NinBlock(256, new Window(5, 1, 2), inner),
            new MaxPool2d(3, 2),
            new NinBlock(384, new Window(3, 1, 1), inner),
            new MaxPool2d(3, 2),
            new Dropout(0.5f),
            new NinBlock(classes, new Window(3, 1, 1), inner),
            new GlobalAvgPool2d(),
            new Flatten()));
  }
}
