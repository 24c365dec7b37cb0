package org.nin4j.model.zoo;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Layer;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.NinBlock;
import org.nin4j.model.Sequential;
import org.nin4j.model.Window;

/**
 * Network in Network and its family: blocks with a max pool after each but the last, then the mean
 * over all pixels of the last block, which has a channel for each class. Source: Lin, Chen, Yan,
 * "Network In Network", ICLR 2014; settings as in the book.
 */
public final class NetworkInNetwork {
  private static final List<Block> FOUR =
      List.of(
          new Block(96, new Window(11, 4, 0)),
          new Block(256, new Window(5, 1, 2)),
          new Block(384, new Window(3, 1, 1)));

  private static final List<Block> FIVE =
      List.of(
          new Block(64, new Window(3, 2, 1)),
          new Block(256, new Window(3, 1, 1)),
          new Block(256, new Window(3, 1, 1)),
          new Block(384, new Window(3, 1, 1)));

  /** A block before the last: the channels of its convolutions, the first one's geometry. */
  private record Block(int channels, Window window) {}

  private NetworkInNetwork() {}

  /** As published, for the given number of classes. */
  public static Network of(int classes) {
    return of(classes, NinVariant.PUBLISHED);
  }

  /** Four blocks. */
  public static Network of(int classes, NinVariant variant) {
    return of("nin", FOUR, classes, variant, false);
  }

  /** Four blocks with batch normalisation between each convolution and its ReLU. */
  public static Network withBatchNorm(int classes, NinVariant variant) {
    return of("nin-bn", FOUR, classes, variant, true);
  }

  /** Five blocks, the first with a smaller window: fifteen convolutions, after the way of VGG. */
  public static Network fifteen(int classes, NinVariant variant) {
    return of("nin-15", FIVE, classes, variant, false);
  }

  /**
   * Two small blocks, then a 1×1 convolution to the classes without ReLU, so that none can die; for
   * images from 5×5 on: to try things out on any machine, in seconds.
   *
   * @throws IllegalArgumentException if the head or the reduction is not the published one
   */
  public static Network mini(int classes, NinVariant variant) {
    if (!variant.equals(NinVariant.PUBLISHED.withInner(variant.inner()))) {
      throw new IllegalArgumentException(
          "nin-mini has no last block whose channels or head could be chosen; nin, nin-bn and nin-15 have");
    }
    return new Network(
        "nin-mini",
        Sequential.of(
            block(16, new Window(5, 2, 2), variant, false),
            new MaxPool2d(3, 2),
            block(32, new Window(3, 1, 1), variant, false),
            new Dropout(0.1f),
            new Conv2d(classes, 1, 1, 0),
            new GlobalAvgPool2d(),
            new Flatten()));
  }

  private static Network of(
      String name, List<Block> blocks, int classes, NinVariant variant, boolean norm) {
    List<Layer> layers = new ArrayList<>();
    for (Block block : blocks) {
      layers.add(block(block.channels(), block.window(), variant, norm));
      layers.add(new MaxPool2d(3, 2));
    }
    layers.add(new Dropout(0.5f));
    layers.add(NinBlock.of(variant.lastBlock(classes), new Window(3, 1, 1), variant.inner(), norm));
    switch (variant.head()) {
      case AVERAGE -> layers.addAll(List.of(new GlobalAvgPool2d(), new Flatten()));
      case LINEAR -> layers.addAll(List.of(new Flatten(), new Linear(classes)));
    }
    return new Network(name, Sequential.of(layers.toArray(Layer[]::new)));
  }

  private static Sequential block(int channels, Window window, NinVariant variant, boolean norm) {
    List<Window> inner = variant.inner();
    return NinBlock.of(Collections.nCopies(1 + inner.size(), channels), window, inner, norm);
  }
}
