package org.nin4j.bench.libtorch;

import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** Network in Network in libtorch, written out from the publication and not from the product. */
final class Nin {
  /** Shape of each weight for images of one channel, in order; a bias follows each. */
  static final long[][] WEIGHTS = {
    {96, 1, 11, 11}, {96, 96, 1, 1}, {96, 96, 1, 1},
    {256, 96, 5, 5}, {256, 256, 1, 1}, {256, 256, 1, 1},
    {384, 256, 3, 3}, {384, 384, 1, 1}, {384, 384, 1, 1},
    {10, 384, 3, 3}, {10, 10, 1, 1}, {10, 10, 1, 1},
  };

  private Nin() {}

  /**
   * The logits.
   *
   * @param p weight and bias of each convolution in turn
   * @param images (samples, 1, height, width)
   * @param dropout applied before the last block
   */
  static Tensor logits(List<Tensor> p, Tensor images, UnaryOperator<Tensor> dropout) {
    Tensor x = pool(block(p, 0, images, 4, 0));
    x = pool(block(p, 3, x, 1, 2));
    x = pool(block(p, 6, x, 1, 1));
    x = block(p, 9, dropout.apply(x), 1, 1);
    return torch.adaptive_avg_pool2d(x, 1, 1).flatten(1, -1);
  }

  private static Tensor block(List<Tensor> p, int first, Tensor x, long stride, long padding) {
    Tensor y = convolution(p, first, x, stride, padding);
    y = convolution(p, first + 1, y, 1, 0);
    return convolution(p, first + 2, y, 1, 0);
  }

  private static Tensor convolution(
      List<Tensor> p, int number, Tensor x, long stride, long padding) {
    Tensor weight = p.get(2 * number);
    TensorOptional bias = new TensorOptional(p.get(2 * number + 1));
    return torch
        .conv2d(
            x,
            weight,
            bias,
            new long[] {stride, stride},
            new long[] {padding, padding},
            new long[] {1, 1},
            1)
        .relu_();
  }

  private static Tensor pool(Tensor x) {
    return torch.max_pool2d(
        x, new long[] {3, 3}, new long[] {2, 2}, new long[] {0, 0}, new long[] {1, 1}, false);
  }
}
