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
 * "Network In Network", ICLR 2014; settings as in the book, but for {@link #cifar}.
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

  /** VGG's channels by stage: doubled after each pool, up to 512. */
  private static final List<Integer> DOUBLED = List.of(64, 128, 256, 512, 512);

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
   * Eleven convolutions, designed by the rules that make VGG a family (Simonyan, Zisserman, "Very
   * Deep Convolutional Networks for Large-Scale Image Recognition", 2014):
   *
   * <ul>
   *   <li>The number in the name counts the layers with weights.
   *   <li>Five stages, each followed by a pool that halves the image; nothing else makes it
   *       smaller.
   *   <li>All members have the same channels, 64 in the first stage and twice as many after each
   *       pool, up to 512: they differ in the number of convolutions of their stages alone, and
   *       further ones go to the later stages first.
   *   <li>Windows are 3×3 with padding 1.
   * </ul>
   *
   * <p>What Network in Network puts in their place: a stage is a block, so that only its first
   * convolution is 3×3 and the others are 1×1; the pools are 3×3 with stride 2; and instead of
   * VGG's three linear layers the last block has three convolutions, down to the classes, of which
   * the mean is taken. So VGG-11's stages of 1, 1, 2, 2, 2 convolutions make this one.
   *
   * @throws IllegalArgumentException if the inner convolutions are not the published ones: the
   *     rules above are about their number
   */
  public static Network eleven(int classes, NinVariant variant) {
    return staged("nin-11", List.of(1, 1, 2, 2, 2), classes, variant);
  }

  /** Sixteen convolutions by the rules of {@link #eleven}: 2, 2, 3, 3, 3 and the last block's. */
  public static Network sixteen(int classes, NinVariant variant) {
    return staged("nin-16", List.of(2, 2, 3, 3, 3), classes, variant);
  }

  /** Nineteen convolutions by the rules of {@link #eleven}: 2, 2, 4, 4, 4 and the last block's. */
  public static Network nineteen(int classes, NinVariant variant) {
    return staged("nin-19", List.of(2, 2, 4, 4, 4), classes, variant);
  }

  /**
   * Two small blocks, then a 1×1 convolution to the classes without ReLU, so that none can die; for
   * images from 5×5 on: to try things out on any machine, in seconds.
   *
   * @throws IllegalArgumentException if the head or the reduction is not the published one
   */
  public static Network mini(int classes, NinVariant variant) {
    NinVariant possible =
        NinVariant.PUBLISHED.withInner(variant.inner()).withDropout(variant.dropout());
    if (!variant.equals(possible)) {
      throw new IllegalArgumentException(
          "nin-mini has no last block whose channels or head could be chosen; the other networks of NiN blocks have");
    }
    return new Network(
        "nin-mini",
        Sequential.of(
            block(16, new Window(5, 2, 2), variant, false),
            new MaxPool2d(3, 2),
            block(32, new Window(3, 1, 1), variant, false),
            variant.dropoutOr(0.1f),
            new Conv2d(classes, 1, 1, 0),
            new GlobalAvgPool2d(),
            new Flatten()));
  }

  /**
   * The paper's network for CIFAR-10, images of 3×32×32: three blocks whose convolutions differ in
   * channels; after each of the first two a max pool that takes a last, partly filled window too
   * (32 → 16 → 8 pixels), and dropout. Source: the author's configuration {@code NIN/cifar-10_def}
   * at https://github.com/mavenlin/cuda-convnet, a program that rounds the size after a pool up.
   */
  public static Network cifar(int classes) {
    return new Network(
        "nin-cifar",
        Sequential.of(
            cifarBlock(List.of(192, 160, 96), new Window(5, 1, 2)),
            new MaxPool2d(new Window(3, 2, 0), true),
            new Dropout(0.5f),
            cifarBlock(List.of(192, 192, 192), new Window(5, 1, 2)),
            new MaxPool2d(new Window(3, 2, 0), true),
            new Dropout(0.5f),
            cifarBlock(List.of(192, 192, classes), new Window(3, 1, 1)),
            new GlobalAvgPool2d(),
            new Flatten()));
  }

  private static Sequential cifarBlock(List<Integer> channels, Window first) {
    return NinBlock.of(channels, first, NinBlock.TWO_1X1, false);
  }

  private static Network of(
      String name, List<Block> blocks, int classes, NinVariant variant, boolean norm) {
    List<Layer> layers = new ArrayList<>();
    for (Block block : blocks) {
      layers.add(block(block.channels(), block.window(), variant, norm));
      layers.add(new MaxPool2d(3, 2));
    }
    return ending(name, layers, classes, variant, norm);
  }

  /** Stages of the given numbers of convolutions, the first of each 3×3. */
  private static Network staged(
      String name, List<Integer> convolutions, int classes, NinVariant variant) {
    if (!variant.inner().equals(NinBlock.TWO_1X1)) {
      throw new IllegalArgumentException(
          name
              + " is made by the number of its inner convolutions; nin, nin-bn, nin-15 and nin-mini take others");
    }
    List<Layer> layers = new ArrayList<>();
    for (int stage = 0; stage < convolutions.size(); stage++) {
      List<Window> inner = Collections.nCopies(convolutions.get(stage) - 1, new Window(1, 1, 0));
      layers.add(NinBlock.of(DOUBLED.get(stage), new Window(3, 1, 1), inner));
      layers.add(new MaxPool2d(3, 2));
    }
    return ending(name, layers, classes, variant, false);
  }

  /** The last block and what makes class scores of it. */
  private static Network ending(
      String name, List<Layer> layers, int classes, NinVariant variant, boolean norm) {
    Sequential last =
        NinBlock.of(variant.lastBlock(classes), new Window(3, 1, 1), variant.inner(), norm);
    layers.add(variant.dropoutOr(0.5f));
    switch (variant.head()) {
      case AVERAGE -> layers.addAll(List.of(last, new GlobalAvgPool2d(), new Flatten()));
      case AVERAGE_NO_RELU ->
          layers.addAll(List.of(withoutLast(last), new GlobalAvgPool2d(), new Flatten()));
      case LINEAR -> layers.addAll(List.of(last, new Flatten(), new Linear(classes)));
    }
    return new Network(name, Sequential.of(layers.toArray(Layer[]::new)));
  }

  private static Sequential withoutLast(Sequential block) {
    return new Sequential(block.parts().subList(0, block.parts().size() - 1));
  }

  private static Sequential block(int channels, Window window, NinVariant variant, boolean norm) {
    List<Window> inner = variant.inner();
    return NinBlock.of(Collections.nCopies(1 + inner.size(), channels), window, inner, norm);
  }
}
