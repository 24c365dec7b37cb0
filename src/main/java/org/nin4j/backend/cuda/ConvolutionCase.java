package org.nin4j.backend.cuda;

import org.nin4j.model.Window;
import org.nin4j.plan.TensorSpec;
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
 * @param relu forward only: max(·, 0) of the result
 */
record ConvolutionCase(
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
  /** The three computations of a convolution. */
  enum Kind {
    /** y from x, w, b. */
    FORWARD,
    /** dx from dy, w. */
    BACKWARD_DATA,
    /** dw from x, dy. */
    BACKWARD_FILTER
  }

  static ConvolutionCase of(
      Kind kind,
      DType type,
      boolean rounding,
      TensorSpec x,
      int filters,
      Window window,
      boolean relu) {
    return new ConvolutionCase(
        kind,
        type,
        rounding,
        x.shape().dim(0),
        x.shape().dim(1),
        x.shape().dim(2),
        x.shape().dim(3),
        filters,
        window,
        relu);
  }

  /** The same computation with fp32 operands; bf16 values are exact in TF32. */
  ConvolutionCase widened() {
    return new ConvolutionCase(
        kind, DType.F32, true, samples, channels, height, width, filters, window, relu);
  }

  /** The same computation for another number of samples. */
  ConvolutionCase withSamples(int other) {
    return new ConvolutionCase(
        kind, type, rounding, other, channels, height, width, filters, window, relu);
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

  long inputElements() {
    return (long) samples * height * width * channels;
  }

  long outputElements() {
    return rows() * filters;
  }

  long weightElements() {
    return (long) filters * channels * window.kernel() * window.kernel();
  }

  /**
   * Whether the convolution is the product of matrices (rows × channels) and (channels × filters).
   */
  boolean isProduct() {
    return window.kernel() == 1 && window.stride() == 1 && window.padding() == 0;
  }
}
