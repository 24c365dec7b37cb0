package org.nin4j.model;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.nin4j.text.Text;

/**
 * The block that Network in Network is made of: a convolution, then a small network applied at
 * every pixel, classically two 1×1 convolutions; each followed by ReLU.
 *
 * <p>Source: Lin, Chen, Yan, "Network In Network", ICLR 2014.
 */
public final class NinBlock {
  /** The published inner convolutions: two of 1×1. */
  public static final List<Window> TWO_1X1 = List.of(new Window(1, 1, 0), new Window(1, 1, 0));

  private NinBlock() {}

  /** The published block, with two 1×1 convolutions. */
  public static Sequential of(int outChannels, int kernel, int stride, int padding) {
    return of(outChannels, new Window(kernel, stride, padding), TWO_1X1);
  }

  /**
   * A block.
   *
   * @param outChannels channels of every convolution in the block
   * @param window the first convolution's geometry
   * @param inner the geometry of the convolutions that follow; their number, kernels and paddings
   *     are free
   */
  public static Sequential of(int outChannels, Window window, List<Window> inner) {
    return of(Collections.nCopies(1 + inner.size(), outChannels), window, inner, false);
  }

  /**
   * A block whose convolutions may differ in channels.
   *
   * @param channels of each convolution: one more than {@code inner} has
   * @param window the first convolution's geometry
   * @param inner the geometry of the convolutions that follow
   * @param norm whether batch normalisation stands between each convolution and its ReLU
   */
  public static Sequential of(
      List<Integer> channels, Window window, List<Window> inner, boolean norm) {
    if (channels.size() != 1 + inner.size()) {
      throw new IllegalArgumentException(
          Text.of(
              "a block of %d convolutions has as many numbers of channels, not %s",
              1 + inner.size(), channels));
    }
    List<Layer> layers = new ArrayList<>();
    for (int i = 0; i < channels.size(); i++) {
      layers.add(new Conv2d(channels.get(i), i == 0 ? window : inner.get(i - 1)));
      if (norm) {
        layers.add(new BatchNorm());
      }
      layers.add(Activation.RELU);
    }
    return Sequential.of(layers.toArray(Layer[]::new));
  }
}
