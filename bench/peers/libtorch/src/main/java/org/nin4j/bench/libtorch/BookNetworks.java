package org.nin4j.bench.libtorch;

import java.util.function.IntFunction;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.BatchNorm2dImpl;
import org.bytedeco.pytorch.BatchNormOptions;
import org.bytedeco.pytorch.Conv2dImpl;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The networks of "Dive into Deep Learning" as modules of libtorch, written out from the book's
 * code for PyTorch and not from the product; parameters are called as there. The other kinds of NiN
 * are made as the book's is, nin-cifar from the author's configuration. Images have one channel,
 * there are ten classes.
 */
final class BookNetworks {
  private static final int CLASSES = 10;

  /** All channels and hidden features are divided by this. */
  private final int divisor;

  private final int pixels;
  private final IntFunction<UnaryOperator<Tensor>> dropout;

  private BookNetworks(int divisor, int pixels, IntFunction<UnaryOperator<Tensor>> dropout) {
    this.divisor = divisor;
    this.pixels = pixels;
    this.dropout = dropout;
  }

  /**
   * A network by its name.
   *
   * @param divisor of all channels and hidden features; 1 is the network of the book
   * @param pixels height and width of an image
   * @param dropout what dropout layer number i does
   */
  static Chain named(
      String name, int divisor, int pixels, IntFunction<UnaryOperator<Tensor>> dropout) {
    BookNetworks book = new BookNetworks(divisor, pixels, dropout);
    return switch (name) {
      case "nin" -> book.nin(false);
      case "nin-bn" -> book.nin(true);
      case "nin-15" -> book.fifteen();
      case "nin-mini" -> book.mini();
      case "nin-cifar" -> book.cifar();
      case "nin-11" -> book.staged(1, 1, 2, 2, 2);
      case "nin-16" -> book.staged(2, 2, 3, 3, 3);
      case "nin-19" -> book.staged(2, 2, 4, 4, 4);
      case "lenet" -> book.leNet(false);
      case "lenet-bn" -> book.leNet(true);
      case "alexnet" -> book.alexNet();
      case "vgg11" -> book.vgg(1);
      case "vgg11-quarter" -> book.vgg(4);
      case "googlenet" -> book.googLeNet();
      case "resnet18" -> book.resNet();
      case "densenet" -> book.denseNet();
      default -> throw new IllegalArgumentException("there is no network " + name);
    };
  }

  private int part(int channels) {
    return channels / divisor;
  }

  /** How many features leave it for an image. */
  private int features(Chain chain) {
    return (int) chain.apply(torch.zeros(2, 1, pixels, pixels)).size(1);
  }

  private Chain nin(boolean norm) {
    return new Chain()
        .then(ninBlock(1, part(96), 11, 4, 0, norm))
        .maxPool(3, 2, 0)
        .then(ninBlock(part(96), part(256), 5, 1, 2, norm))
        .maxPool(3, 2, 0)
        .then(ninBlock(part(256), part(384), 3, 1, 1, norm))
        .maxPool(3, 2, 0)
        .function(dropout.apply(0))
        .then(ninBlock(part(384), CLASSES, 3, 1, 1, norm))
        .adaptiveAvgPool()
        .flatten();
  }

  /** Five blocks, the first with a small window. */
  private Chain fifteen() {
    return new Chain()
        .then(ninBlock(1, part(64), 3, 2, 1, false))
        .maxPool(3, 2, 0)
        .then(ninBlock(part(64), part(256), 3, 1, 1, false))
        .maxPool(3, 2, 0)
        .then(ninBlock(part(256), part(256), 3, 1, 1, false))
        .maxPool(3, 2, 0)
        .then(ninBlock(part(256), part(384), 3, 1, 1, false))
        .maxPool(3, 2, 0)
        .function(dropout.apply(0))
        .then(ninBlock(part(384), CLASSES, 3, 1, 1, false))
        .adaptiveAvgPool()
        .flatten();
  }

  /** Five blocks of so many convolutions, the first of each 3×3, and a last one of three. */
  private Chain staged(int... convolutions) {
    Chain chain = new Chain();
    int in = 1;
    for (int stage = 0; stage < convolutions.length; stage++) {
      int out = part(Math.min(64 << stage, 512));
      chain.then(block(convolutions[stage], in, out, 3, 1, 1, false)).maxPool(3, 2, 0);
      in = out;
    }
    return chain
        .function(dropout.apply(0))
        .then(ninBlock(in, CLASSES, 3, 1, 1, false))
        .adaptiveAvgPool()
        .flatten();
  }

  /** Two blocks, and classes without a ReLU. */
  private Chain mini() {
    return new Chain()
        .then(ninBlock(1, part(16), 5, 2, 2, false))
        .maxPool(3, 2, 0)
        .then(ninBlock(part(16), part(32), 3, 1, 1, false))
        .function(dropout.apply(0))
        .conv(part(32), CLASSES, 1, 1, 0)
        .adaptiveAvgPool()
        .flatten();
  }

  /** The paper's, of blocks whose convolutions differ, and pools that round up. */
  private Chain cifar() {
    return new Chain()
        .then(cifarBlock(1, part(192), part(160), part(96), 5))
        .maxPoolCeil(3, 2)
        .function(dropout.apply(0))
        .then(cifarBlock(part(96), part(192), part(192), part(192), 5))
        .maxPoolCeil(3, 2)
        .function(dropout.apply(1))
        .then(cifarBlock(part(192), part(192), part(192), CLASSES, 3))
        .adaptiveAvgPool()
        .flatten();
  }

  private static Chain cifarBlock(int in, int first, int second, int third, int kernel) {
    return new Chain()
        .conv(in, first, kernel, 1, kernel / 2)
        .relu()
        .conv(first, second, 1, 1, 0)
        .relu()
        .conv(second, third, 1, 1, 0)
        .relu();
  }

  private static Chain ninBlock(
      int in, int out, int kernel, int stride, int padding, boolean norm) {
    return block(3, in, out, kernel, stride, padding, norm);
  }

  private static Chain block(
      int convolutions, int in, int out, int kernel, int stride, int padding, boolean norm) {
    Chain block = new Chain();
    for (int i = 0; i < convolutions; i++) {
      if (i == 0) {
        block.conv(in, out, kernel, stride, padding);
      } else {
        block.conv(out, out, 1, 1, 0);
      }
      (norm ? block.batchNorm2d(out) : block).relu();
    }
    return block;
  }

  private Chain leNet(boolean norm) {
    int[] out = {part(6), part(16), part(120), part(84)};
    Chain chain = new Chain().conv(1, out[0], 5, 1, 2);
    (norm ? chain.batchNorm2d(out[0]) : chain)
        .sigmoid()
        .avgPool(2, 2)
        .conv(out[0], out[1], 5, 1, 0);
    (norm ? chain.batchNorm2d(out[1]) : chain).sigmoid().avgPool(2, 2).flatten();
    chain.linear(features(chain), out[2]);
    (norm ? chain.batchNorm1d(out[2]) : chain).sigmoid().linear(out[2], out[3]);
    return (norm ? chain.batchNorm1d(out[3]) : chain).sigmoid().linear(out[3], CLASSES);
  }

  private Chain alexNet() {
    Chain chain =
        new Chain()
            .conv(1, part(96), 11, 4, 1)
            .relu()
            .maxPool(3, 2, 0)
            .conv(part(96), part(256), 5, 1, 2)
            .relu()
            .maxPool(3, 2, 0)
            .conv(part(256), part(384), 3, 1, 1)
            .relu()
            .conv(part(384), part(384), 3, 1, 1)
            .relu()
            .conv(part(384), part(256), 3, 1, 1)
            .relu()
            .maxPool(3, 2, 0)
            .flatten();
    return wideHead(chain);
  }

  private Chain wideHead(Chain chain) {
    return chain
        .linear(features(chain), part(4096))
        .relu()
        .function(dropout.apply(0))
        .linear(part(4096), part(4096))
        .relu()
        .function(dropout.apply(1))
        .linear(part(4096), CLASSES);
  }

  private Chain vgg(int ratio) {
    int[][] architecture = {{1, 64}, {1, 128}, {2, 256}, {2, 512}, {2, 512}};
    Chain chain = new Chain();
    int in = 1;
    for (int[] pair : architecture) {
      Chain block = new Chain();
      for (int i = 0; i < pair[0]; i++) {
        block.conv(in, part(pair[1] / ratio), 3, 1, 1).relu();
        in = part(pair[1] / ratio);
      }
      chain.then(block.maxPool(2, 2, 0));
    }
    return wideHead(chain.flatten());
  }

  private Chain googLeNet() {
    Chain b1 = new Chain().conv(1, part(64), 7, 2, 3).relu().maxPool(3, 2, 1);
    Chain b2 =
        new Chain()
            .conv(part(64), part(64), 1, 1, 0)
            .relu()
            .conv(part(64), part(192), 3, 1, 1)
            .maxPool(3, 2, 1);
    Chain b3 =
        new Chain()
            .then(new Inception(192, 64, 96, 128, 16, 32, 32))
            .then(new Inception(256, 128, 128, 192, 32, 96, 64))
            .maxPool(3, 2, 1);
    Chain b4 =
        new Chain()
            .then(new Inception(480, 192, 96, 208, 16, 48, 64))
            .then(new Inception(512, 160, 112, 224, 24, 64, 64))
            .then(new Inception(512, 128, 128, 256, 24, 64, 64))
            .then(new Inception(512, 112, 144, 288, 32, 64, 64))
            .then(new Inception(528, 256, 160, 320, 32, 128, 128))
            .maxPool(3, 2, 1);
    Chain b5 =
        new Chain()
            .then(new Inception(832, 256, 160, 320, 32, 128, 128))
            .then(new Inception(832, 384, 192, 384, 48, 128, 128))
            .adaptiveAvgPool()
            .flatten();
    return new Chain().then(b1).then(b2).then(b3).then(b4).then(b5).linear(part(1024), CLASSES);
  }

  /** Four paths whose channels are joined. */
  private final class Inception extends Module implements UnaryOperator<Tensor> {
    private final Conv2dImpl path1;
    private final Conv2dImpl path2a;
    private final Conv2dImpl path2b;
    private final Conv2dImpl path3a;
    private final Conv2dImpl path3b;
    private final Conv2dImpl path4;

    Inception(int in, int c1, int c2a, int c2b, int c3a, int c3b, int c4) {
      path1 = conv("p1_1", in, c1, 1);
      path2a = conv("p2_1", in, c2a, 1);
      path2b = conv("p2_2", c2a, c2b, 3);
      path3a = conv("p3_1", in, c3a, 1);
      path3b = conv("p3_2", c3a, c3b, 5);
      path4 = conv("p4_2", in, c4, 1);
    }

    private Conv2dImpl conv(String name, int in, int out, int kernel) {
      return register_module(name, Chain.convolution(part(in), part(out), kernel, 1, kernel / 2));
    }

    @Override
    public Tensor apply(Tensor x) {
      Tensor p1 = torch.relu(path1.forward(x));
      Tensor p2 = torch.relu(path2b.forward(torch.relu(path2a.forward(x))));
      Tensor p3 = torch.relu(path3b.forward(torch.relu(path3a.forward(x))));
      Tensor p4 = torch.relu(path4.forward(Chain.maxPool(x, 3, 1, 1)));
      return Chain.join(p1, p2, p3, p4);
    }
  }

  /** What ResNet and DenseNet begin with. */
  private Chain stem() {
    return new Chain().conv(1, part(64), 7, 2, 3).batchNorm2d(part(64)).relu().maxPool(3, 2, 1);
  }

  private Chain resNet() {
    return new Chain()
        .then(stem())
        .then(new Chain().then(new Residual(64, 64, false)).then(new Residual(64, 64, false)))
        .then(new Chain().then(new Residual(64, 128, true)).then(new Residual(128, 128, false)))
        .then(new Chain().then(new Residual(128, 256, true)).then(new Residual(256, 256, false)))
        .then(new Chain().then(new Residual(256, 512, true)).then(new Residual(512, 512, false)))
        .adaptiveAvgPool()
        .flatten()
        .linear(part(512), CLASSES);
  }

  /** Two convolutions, and their input added to what leaves them. */
  private final class Residual extends Module implements UnaryOperator<Tensor> {
    private final Conv2dImpl conv1;
    private final Conv2dImpl conv2;
    private final UnaryOperator<Tensor> shortcut;
    private final BatchNorm2dImpl bn1;
    private final BatchNorm2dImpl bn2;

    Residual(int in, int out, boolean halves) {
      int stride = halves ? 2 : 1;
      conv1 = register_module("conv1", Chain.convolution(part(in), part(out), 3, stride, 1));
      conv2 = register_module("conv2", Chain.convolution(part(out), part(out), 3, 1, 1));
      if (halves) {
        Conv2dImpl conv3 =
            register_module("conv3", Chain.convolution(part(in), part(out), 1, stride, 0));
        shortcut = conv3::forward;
      } else {
        shortcut = x -> x;
      }
      bn1 = register_module("bn1", new BatchNorm2dImpl(new BatchNormOptions(part(out))));
      bn2 = register_module("bn2", new BatchNorm2dImpl(new BatchNormOptions(part(out))));
    }

    @Override
    public Tensor apply(Tensor x) {
      Tensor y = torch.relu(bn1.forward(conv1.forward(x)));
      y = bn2.forward(conv2.forward(y));
      return torch.relu(y.add(shortcut.apply(x)));
    }
  }

  private Chain denseNet() {
    int convolutions = 4;
    int growth = part(32);
    int channels = part(64);
    Chain chain = new Chain().then(stem());
    for (int i = 0; i < 4; i++) {
      chain.then(new DenseBlock(convolutions, channels, growth));
      channels += convolutions * growth;
      if (i < 3) {
        chain.then(
            new Chain()
                .batchNorm2d(channels)
                .relu()
                .conv(channels, channels / 2, 1, 1, 0)
                .avgPool(2, 2));
        channels /= 2;
      }
    }
    return chain.batchNorm2d(channels).relu().adaptiveMaxPool().flatten().linear(channels, CLASSES);
  }

  /** Each convolution sees all that came before, and its channels are put behind them. */
  private static final class DenseBlock extends Module implements UnaryOperator<Tensor> {
    private final Chain[] net;

    DenseBlock(int convolutions, int in, int growth) {
      net = new Chain[convolutions];
      Module numbered = register_module("net", new Module());
      for (int i = 0; i < convolutions; i++) {
        int channels = growth * i + in;
        net[i] = new Chain().batchNorm2d(channels).relu().conv(channels, growth, 3, 1, 1);
        numbered.register_module(Integer.toString(i), net[i]);
      }
    }

    @Override
    public Tensor apply(Tensor x) {
      Tensor y = x;
      for (Chain block : net) {
        y = Chain.join(y, block.apply(y));
      }
      return y;
    }
  }
}
