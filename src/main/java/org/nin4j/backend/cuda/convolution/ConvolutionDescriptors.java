package org.nin4j.backend.cuda.convolution;

import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnActivationDescriptor;
import jcuda.jcudnn.cudnnActivationMode;
import jcuda.jcudnn.cudnnConvolutionDescriptor;
import jcuda.jcudnn.cudnnConvolutionMode;
import jcuda.jcudnn.cudnnDataType;
import jcuda.jcudnn.cudnnFilterDescriptor;
import jcuda.jcudnn.cudnnMathType;
import jcuda.jcudnn.cudnnNanPropagation;
import jcuda.jcudnn.cudnnTensorDescriptor;
import jcuda.jcudnn.cudnnTensorFormat;
import org.nin4j.backend.cuda.device.Check;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.tensor.DType;

/** A {@link ConvolutionCase} in cuDNN's words. */
final class ConvolutionDescriptors implements AutoCloseable {
  private final Scope scope;
  private final boolean exact;
  final cudnnTensorDescriptor x = new cudnnTensorDescriptor();
  final cudnnTensorDescriptor y = new cudnnTensorDescriptor();
  final cudnnTensorDescriptor bias = new cudnnTensorDescriptor();
  final cudnnFilterDescriptor weight = new cudnnFilterDescriptor();
  final cudnnConvolutionDescriptor convolution = new cudnnConvolutionDescriptor();
  final cudnnActivationDescriptor activation = new cudnnActivationDescriptor();

  ConvolutionDescriptors(ConvolutionCase c) {
    exact = c.type() == DType.F32 && !c.rounding();
    try (Scope parts = new Scope()) {
      int type =
          c.type() == DType.BF16
              ? cudnnDataType.CUDNN_DATA_BFLOAT16
              : cudnnDataType.CUDNN_DATA_FLOAT;
      tensor(parts, x, type, c.samples(), c.channels(), c.height(), c.width());
      tensor(parts, y, type, c.samples(), c.filters(), c.outHeight(), c.outWidth());
      tensor(parts, bias, type, 1, c.filters(), 1, 1);

      Check.cudnn(JCudnn.cudnnCreateFilterDescriptor(weight), "cudnnCreateFilterDescriptor");
      parts.add(
          () ->
              Check.cudnn(
                  JCudnn.cudnnDestroyFilterDescriptor(weight), "cudnnDestroyFilterDescriptor"));
      int kernel = c.window().kernel();
      Check.cudnn(
          JCudnn.cudnnSetFilter4dDescriptor(
              weight,
              type,
              cudnnTensorFormat.CUDNN_TENSOR_NHWC,
              c.filters(),
              c.channelsOfGroup(),
              kernel,
              kernel),
          "cudnnSetFilter4dDescriptor");

      Check.cudnn(
          JCudnn.cudnnCreateConvolutionDescriptor(convolution), "cudnnCreateConvolutionDescriptor");
      parts.add(
          () ->
              Check.cudnn(
                  JCudnn.cudnnDestroyConvolutionDescriptor(convolution),
                  "cudnnDestroyConvolutionDescriptor"));
      int padding = c.window().padding();
      int stride = c.window().stride();
      Check.cudnn(
          JCudnn.cudnnSetConvolution2dDescriptor(
              convolution,
              padding,
              padding,
              stride,
              stride,
              1,
              1,
              cudnnConvolutionMode.CUDNN_CROSS_CORRELATION,
              cudnnDataType.CUDNN_DATA_FLOAT),
          "cudnnSetConvolution2dDescriptor");
      Check.cudnn(
          JCudnn.cudnnSetConvolutionGroupCount(convolution, c.groups()),
          "cudnnSetConvolutionGroupCount");
      useMath(
          c.type() == DType.BF16
              ? cudnnMathType.CUDNN_TENSOR_OP_MATH
              : cudnnMathType.CUDNN_DEFAULT_MATH);

      Check.cudnn(
          JCudnn.cudnnCreateActivationDescriptor(activation), "cudnnCreateActivationDescriptor");
      parts.add(
          () ->
              Check.cudnn(
                  JCudnn.cudnnDestroyActivationDescriptor(activation),
                  "cudnnDestroyActivationDescriptor"));
      // The fused call knows no other way to treat NaN.
      Check.cudnn(
          JCudnn.cudnnSetActivationDescriptor(
              activation,
              c.relu()
                  ? cudnnActivationMode.CUDNN_ACTIVATION_RELU
                  : cudnnActivationMode.CUDNN_ACTIVATION_IDENTITY,
              cudnnNanPropagation.CUDNN_NOT_PROPAGATE_NAN,
              0),
          "cudnnSetActivationDescriptor");
      scope = parts.release();
    }
  }

  private static void tensor(
      Scope parts, cudnnTensorDescriptor tensor, int type, int n, int c, int h, int w) {
    Check.cudnn(JCudnn.cudnnCreateTensorDescriptor(tensor), "cudnnCreateTensorDescriptor");
    parts.add(
        () ->
            Check.cudnn(
                JCudnn.cudnnDestroyTensorDescriptor(tensor), "cudnnDestroyTensorDescriptor"));
    Check.cudnn(
        JCudnn.cudnnSetTensor4dDescriptor(
            tensor, cudnnTensorFormat.CUDNN_TENSOR_NHWC, type, n, c, h, w),
        "cudnnSetTensor4dDescriptor");
  }

  /**
   * Sets the math type that belongs to an algorithm. Where fp32 must stay exact it is FMA whatever
   * the search says, since cuDNN's default rounds factors to TF32.
   */
  void useMath(int math) {
    Check.cudnn(
        JCudnn.cudnnSetConvolutionMathType(
            convolution, exact ? cudnnMathType.CUDNN_FMA_MATH : math),
        "cudnnSetConvolutionMathType");
  }

  @Override
  public void close() {
    scope.close();
  }
}
