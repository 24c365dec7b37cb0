package org.nin4j.model;

import java.util.ArrayList;
import java.util.List;

/**
 * The block that Network in Network is made of: a convolution, then a small network applied at
 * every pixel, classically two 1×1 convolutions; each followed by ReLU.
 *
 * <p>Source: Lin, Chen, Yan, "Network In Network", ICLR 2014.
 *
 * @param outChannels channels of every convolution in the block
 * @param window the first convolution's geometry
 * @param inner the geometry of the convolutions that follow; their number, kernels and paddings are
 *     free
 */
public record NinBlock(int outChannels, Window window, List<Window> inner)
    implements Layer.Composite {
  /** The published inner convolutions: two of 1×1. */
  public static final List<Window> TWO_1X1 = List.of(new Window(1, 1, 0), new Window(1, 1, 0));

  public NinBlock {
    inner = List.copyOf(inner);
    if (outChannels < 1) {
      throw new IllegalArgumentException("a NiN block needs at least 1 output channel");
    }
  }

  /** The published block, with two 1×1 convolutions. */
  public NinBlock(int outChannels, int kernel, int stride, int padding) {
    this(outChannels, new Window(kernel, stride, padding), TWO_1X1);
  }

  @Override
  public List<Layer> layers() {
    List<Layer> layers = new ArrayList<>();
    layers.add(new Conv2d(outChannels, window));
    layers.add(new Relu());
    for (Window next : inner) {
      layers.add(new Conv2d(outChannels, next));
      layers.add(new Relu());
    }
    return layers;
  }
}
