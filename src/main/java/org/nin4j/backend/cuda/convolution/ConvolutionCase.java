package org.nin4j.backend.cuda.convolution;

import org.nin4j.model.Conv2d;
import org.nin4j.model.Window;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;

/**
 * Everything that the choice of an algorithm depends on, but the device.
 *
 * @param kind which of the three computations
 * @param type of the operands
 * @param rounding whether fp32 factors may be rounded to TF32
 * @param samples N
 * @param channels C of x
 * @param height of x
 * @param width of x
 * @param filters O, the channels of y
 * @param window kernel, stride, padding
 * @param relu forward max(·, 0) of the result; in a data gradient the gradient of the ReLU that x
 *     comes from: 0 where x is not above 0
 * @param groups into which channels and filters are cut, each computed apart
 */
public record ConvolutionCase(
    Kind kind,
    DType type,
    boolean rounding,
    int samples,
    int channels,
    int height,
    int width,
    int filters,
    Window window,
    boolean relu,
    int groups) {
  /** The three computations of a convolution. */
  public enum Kind {
    /** y from x, w, b. */
    FORWARD,
    /** dx from dy, w. */
    BACKWARD_DATA,
    /** dw from x, dy. */
    BACKWARD_FILTER
  }

  public ConvolutionCase {
    if (relu && kind == Kind.BACKWARD_FILTER) {
      throw new IllegalArgumentException("no ReLU follows a filter gradient");
    }
  }

  /** In one group. */
  ConvolutionCase(
      Kind kind,
      DType type,
      boolean rounding,
      int samples,
      int channels,
      int height,
      int width,
      int filters,
      Window window,
      boolean relu) {
    this(kind, type, rounding, samples, channels, height, width, filters, window, relu, 1);
  }

  public static ConvolutionCase of(
      Kind kind, DType type, boolean rounding, TensorSpec x, Conv2d convolution, boolean relu) {
    return new ConvolutionCase(
        kind,
        type,
        rounding,
        x.shape().dim(0),
        x.shape().dim(1),
        x.shape().dim(2),
        x.shape().dim(3),
        convolution.outChannels(),
        convolution.window(),
        relu,
        convolution.groups());
  }

  /** The same computation with fp32 operands; bf16 values are exact in TF32. */
  ConvolutionCase widened() {
    return new ConvolutionCase(
        kind, DType.F32, true, samples, channels, height, width, filters, window, relu, groups);
  }

  /** The same computation for another number of samples. */
  public ConvolutionCase withSamples(int other) {
    return new ConvolutionCase(
        kind, type, rounding, other, channels, height, width, filters, window, relu, groups);
  }

  /** Whether it is the gradient of a ReLU too. */
  boolean isMasked() {
    return kind == Kind.BACKWARD_DATA && relu;
  }

  /** Whether fp32 factors may not be rounded. */
  boolean isExact() {
    return type == DType.F32 && !rounding;
  }

  int outHeight() {
    return window.outputExtent(height);
  }

  int outWidth() {
    return window.outputExtent(width);
  }

  /** Places of the window in the batch: the rows of y as a matrix (rows × filters). */
  long rows() {
    return (long) samples * outHeight() * outWidth();
  }

  /** Those outside the image counted in. */
  long multiplyAdds() {
    return rows() * weightElements();
  }

  long inputElements() {
    return (long) samples * height * width * channels;
  }

  long outputElements() {
    return rows() * filters;
  }

  /** Channels that a filter reads. */
  int channelsOfGroup() {
    return channels / groups;
  }

  int filtersOfGroup() {
    return filters / groups;
  }

  long weightElements() {
    return (long) filters * channelsOfGroup() * window.kernel() * window.kernel();
  }

  /**
   * Whether the convolution is the product of matrices (rows × channels) and (channels × filters).
   */
  boolean isProduct() {
    return groups == 1 && window.kernel() == 1 && window.stride() == 1 && window.padding() == 0;
  }
}
