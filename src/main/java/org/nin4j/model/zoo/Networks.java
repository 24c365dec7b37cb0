package org.nin4j.model.zoo;

import java.util.List;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.NinBlock;
import org.nin4j.model.Sequential;
import org.nin4j.model.Window;

/** The networks that come with the library. */
public final class Networks {
  /** The names that {@link #named} knows. */
  public static final List<String> NAMES = List.of("nin", "nin-mini");

  private Networks() {}

  /**
   * A network by its name.
   *
   * @param name one of {@link #NAMES}
   * @param classes how many classes the network tells apart
   * @param inner the convolutions that follow each block's first
   * @throws IllegalArgumentException if there is no such network
   */
  public static Network named(String name, int classes, List<Window> inner) {
    return switch (name) {
      case "nin" -> nin(classes, inner);
      case "nin-mini" -> ninMini(classes, inner);
      default ->
          throw new IllegalArgumentException(
              "there is no network " + name + "; there are " + String.join(", ", NAMES));
    };
  }

  /**
   * Two small blocks, then a 1×1 convolution to the classes without ReLU, so that none can die; for
   * images from 5×5 on: to try things out on any machine, in seconds.
   *
   * @param classes how many classes the network tells apart
   * @param inner the convolutions that follow each block's first
   */
  public static Network ninMini(int classes, List<Window> inner) {
    return new Network(
        "nin-mini",
        Sequential.of(
            NinBlock.of(16, new Window(5, 2, 2), inner),
            new MaxPool2d(3, 2),
            NinBlock.of(32, new Window(3, 1, 1), inner),
            new Dropout(0.1f),
            new Conv2d(classes, 1, 1, 0),
            new GlobalAvgPool2d(),
            new Flatten()));
  }

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
            NinBlock.of(96, new Window(11, 4, 0), inner),
            new MaxPool2d(3, 2),
            NinBlock.of(256, new Window(5, 1, 2), inner),
            new MaxPool2d(3, 2),
            NinBlock.of(384, new Window(3, 1, 1), inner),
            new MaxPool2d(3, 2),
            new Dropout(0.5f),
            NinBlock.of(classes, new Window(3, 1, 1), inner),
            new GlobalAvgPool2d(),
            new Flatten()));
  }
}
