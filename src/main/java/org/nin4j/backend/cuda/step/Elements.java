package org.nin4j.backend.cuda.step;

import java.util.ArrayList;
import java.util.List;
import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.model.Activation;
import org.nin4j.plan.step.ActivationBackward;
import org.nin4j.plan.step.ActivationForward;
import org.nin4j.plan.step.Cast;
import org.nin4j.plan.step.FlattenBackward;
import org.nin4j.plan.step.FlattenForward;
import org.nin4j.plan.step.Sum;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/** What looks at one element at a time. */
final class Elements {
  /** Terms that the kernel in {@code sum.cu} takes. */
  private static final int TERMS = 8;

  /** Pixels that a thread takes in {@code dropout.cu}. */
  private static final int DROPOUT_RUN = 8;

  private Elements() {}

  static Operation activation(ActivationForward s) {
    DType type = Kernels.type(s.layer(), s.input(), s.output());
    String file = file(s.function());
    long n = s.input().shape().elements();
    return a ->
        a.launch(
            file,
            file + "_forward_" + Kernels.suffix(type),
            n / Kernels.pack(type),
            a.at(s.input()),
            a.at(s.output()),
            n);
  }

  static Operation activationBackward(ActivationBackward s) {
    DType type = Kernels.type(s.layer(), s.output(), s.outputGradient(), s.inputGradient());
    String file = file(s.function());
    long n = s.output().shape().elements();
    return a ->
        a.launch(
            file,
            file + "_backward_" + Kernels.suffix(type),
            n / Kernels.pack(type),
            a.at(s.output()),
            a.at(s.outputGradient()),
            a.at(s.inputGradient()),
            n);
  }

  /** The file of its kernels, whose names begin with it. */
  private static String file(Activation function) {
    return switch (function) {
      case RELU -> "relu";
      case SIGMOID -> "sigmoid";
      case TANH -> "tanh";
      case LEAKY_RELU -> "leakyrelu";
    };
  }

  static Operation cast(Cast s) {
    DType from = s.input().type();
    if (from == s.output().type()) {
      throw new IllegalArgumentException(Text.of("a cast of %s to its own type", s.input()));
    }
    long n = s.input().shape().elements();
    return a -> a.add(Kernels.cast(a.kernels(), from, a.at(s.input()), a.at(s.output()), n));
  }

  /** More terms than a kernel takes are added to the sum, rounded, in further passes. */
  static Operation sum(Sum s) {
    List<TensorSpec> all = new ArrayList<>(s.inputs());
    all.add(s.output());
    DType type = Kernels.type(s.layer(), all.toArray(TensorSpec[]::new));
    return a -> {
      CUdeviceptr y = a.at(s.output());
      List<CUdeviceptr> terms = new ArrayList<>();
      for (TensorSpec input : s.inputs()) {
        if (terms.size() == TERMS) {
          addSum(a, type, terms, false, y, s.output().shape().elements());
          terms.clear();
          terms.add(y);
        }
        terms.add(a.at(input));
      }
      addSum(a, type, terms, s.relu(), y, s.output().shape().elements());
    };
  }

  private static void addSum(
      Assembly a, DType type, List<CUdeviceptr> terms, boolean relu, CUdeviceptr y, long n) {
    List<Object> arguments = new ArrayList<>(terms);
    while (arguments.size() < TERMS) {
      arguments.add(Assembly.NONE);
    }
    arguments.add(relu ? 1 : 0);
    arguments.add(y);
    arguments.add(n);
    a.launch("sum", "sum_" + Kernels.suffix(type), n / Kernels.pack(type), arguments.toArray());
  }

  /** Forward and backward alike. */
  static Operation dropout(
      String layer, float probability, int stream, TensorSpec x, TensorSpec y) {
    DType type = Kernels.type(layer, x, y);
    Shape shape = x.shape();
    return a ->
        a.launch(
            "dropout",
            "dropout_" + Kernels.suffix(type),
            dropoutUnits(shape, type),
            a.at(x),
            a.at(y),
            (long) shape.dim(0),
            shape.dim(1),
            pixels(shape),
            probability,
            a.inputs().seed(),
            a.control().step(),
            a.control().firstPlace(),
            stream);
  }

  /** As {@code dropout.cu} divides the elements among threads. */
  private static long dropoutUnits(Shape shape, DType type) {
    int pixels = pixels(shape);
    return pixels % 4 == 0
        ? shape.elements() / Kernels.pack(type) / 4
        : (long) shape.dim(0) * shape.dim(1) * ((pixels + DROPOUT_RUN - 1) / DROPOUT_RUN);
  }

  static Operation flatten(FlattenForward s) {
    return transpose(s.layer(), "nhwc_to_nchw_", s.input().shape(), s.input(), s.output());
  }

  static Operation flattenBackward(FlattenBackward s) {
    Shape image = s.inputGradient().shape();
    return transpose(s.layer(), "nchw_to_nhwc_", image, s.outputGradient(), s.inputGradient());
  }

  private static Operation transpose(
      String layer, String kernel, Shape image, TensorSpec from, TensorSpec to) {
    DType type = Kernels.type(layer, from, to);
    int channels = image.dim(1);
    int pixels = pixels(image);
    long tiles = (long) image.dim(0) * ((channels + 31) / 32) * ((pixels + 31) / 32);
    return a ->
        a.launchTiles(
            "layout",
            kernel + Kernels.suffix(type),
            tiles,
            a.at(from),
            a.at(to),
            (long) image.dim(0),
            channels,
            pixels,
            channels);
  }

  private static int pixels(Shape shape) {
    return Math.toIntExact(shape.elements() / shape.dim(0) / shape.dim(1));
  }
}
