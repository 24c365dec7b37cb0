package org.nin4j.bench.libtorch;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.BatchNorm1dImpl;
import org.bytedeco.pytorch.BatchNorm2dImpl;
import org.bytedeco.pytorch.BatchNormOptions;
import org.bytedeco.pytorch.Conv2dImpl;
import org.bytedeco.pytorch.Conv2dOptions;
import org.bytedeco.pytorch.LinearImpl;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Like {@code nn.Sequential}: modules one after the other, called by their numbers. */
final class Chain extends Module implements UnaryOperator<Tensor> {
  private final List<UnaryOperator<Tensor>> layers = new ArrayList<>();

  @Override
  public Tensor apply(Tensor x) {
    Tensor y = x;
    for (UnaryOperator<Tensor> layer : layers) {
      y = layer.apply(y);
    }
    return y;
  }

  /** Something without parameters. */
  Chain function(UnaryOperator<Tensor> function) {
    layers.add(function);
    return this;
  }

  /** A module, and what it computes. */
  private Chain then(Module module, UnaryOperator<Tensor> function) {
    register_module(Integer.toString(layers.size()), module);
    return function(function);
  }

  <M extends Module & UnaryOperator<Tensor>> Chain then(M module) {
    return then(module, module);
  }

  Chain conv(int in, int out, int kernel, int stride, int padding) {
    Conv2dImpl module = convolution(in, out, kernel, stride, padding);
    return then(module, module::forward);
  }

  Chain linear(int in, int out) {
    LinearImpl module = new LinearImpl(in, out);
    return then(module, module::forward);
  }

  Chain batchNorm2d(int channels) {
    BatchNorm2dImpl module = new BatchNorm2dImpl(new BatchNormOptions(channels));
    return then(module, module::forward);
  }

  Chain batchNorm1d(int features) {
    BatchNorm1dImpl module = new BatchNorm1dImpl(new BatchNormOptions(features));
    return then(module, module::forward);
  }

  /** In place: what it is given is never a parameter, nor read by anything else. */
  Chain relu() {
    return function(Tensor::relu_);
  }

  Chain sigmoid() {
    return function(torch::sigmoid);
  }

  Chain maxPool(int kernel, int stride, int padding) {
    return function(x -> maxPool(x, kernel, stride, padding));
  }

  /** Without padding; a last window that is only partly filled counts. */
  Chain maxPoolCeil(int kernel, int stride) {
    long[] windows = {kernel, kernel};
    long[] strides = {stride, stride};
    long[] none = {0, 0};
    return function(x -> torch.max_pool2d(x, windows, strides, none, new long[] {1, 1}, true));
  }

  Chain avgPool(int kernel, int stride) {
    long[] none = {0, 0};
    long[] windows = {kernel, kernel};
    long[] strides = {stride, stride};
    return function(
        x -> torch.avg_pool2d(x, windows, strides, none, false, true, new LongOptional()));
  }

  Chain adaptiveAvgPool() {
    return function(x -> torch.adaptive_avg_pool2d(x, 1, 1));
  }

  Chain adaptiveMaxPool() {
    return function(x -> torch.adaptive_max_pool2d(x, 1, 1).get0());
  }

  Chain flatten() {
    return function(x -> torch.flatten(x, 1, -1));
  }

  static Conv2dImpl convolution(int in, int out, int kernel, int stride, int padding) {
    Conv2dOptions options = new Conv2dOptions(in, out, new LongPointer(kernel, kernel));
    options.stride().put(0, stride).put(1, stride);
    options.padding().put(new LongPointer(padding, padding));
    return new Conv2dImpl(options);
  }

  static Tensor maxPool(Tensor x, int kernel, int stride, int padding) {
    long[] windows = {kernel, kernel};
    long[] strides = {stride, stride};
    long[] paddings = {padding, padding};
    return torch.max_pool2d(x, windows, strides, paddings, new long[] {1, 1}, false);
  }

  static Tensor join(Tensor... parts) {
    return torch.cat(new TensorVector(parts), 1);
  }
}
