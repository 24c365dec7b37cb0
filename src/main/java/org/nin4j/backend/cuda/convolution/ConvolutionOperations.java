package org.nin4j.backend.cuda.convolution;

import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_CONVOLUTION_COMP_TYPE;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_CONVOLUTION_CONV_MODE;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_CONVOLUTION_DILATIONS;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_CONVOLUTION_POST_PADDINGS;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_POINTWISE_DXDESC;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_POINTWISE_DYDESC;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_TENSOR_IS_VIRTUAL;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_CONVOLUTION_MODE;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_DATA_TYPE;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR;
import static jcuda.jcudnn.cudnnConvolutionMode.CUDNN_CROSS_CORRELATION;
import static jcuda.jcudnn.cudnnDataType.CUDNN_DATA_FLOAT;
import static jcuda.jcudnn.cudnnPointwiseMode.CUDNN_POINTWISE_ADD;
import static jcuda.jcudnn.cudnnPointwiseMode.CUDNN_POINTWISE_RELU_BWD;
import static jcuda.jcudnn.cudnnPointwiseMode.CUDNN_POINTWISE_RELU_FWD;

import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.library.CudnnDescriptor;
import org.nin4j.backend.cuda.library.CudnnOperations;
import org.nin4j.backend.cuda.library.CudnnTarget;
import org.nin4j.backend.cuda.library.CudnnValues;

/**
 * A {@link ConvolutionCase} as operations of cuDNN's graph API: forward with bias and ReLU after
 * it, with what lies between them in fp32 and nowhere in memory; data gradient, with the gradient
 * of the ReLU before it in the same way; filter gradient.
 *
 * <p>cuDNN has next to no engines that write the filter gradient of bf16 operands in fp32 at once.
 * It has them for sums in fp32 that lie nowhere in memory and are then copied to where they belong;
 * and others, of which none must be compiled, that round the gradient to bf16.
 */
final class ConvolutionOperations {
  /** Numbers of the tensors that lie in memory, gradients as what they are gradients of. */
  static final long X = 1;

  static final long WEIGHT = 2;
  static final long BIAS = 3;
  static final long Y = 4;

  /** x itself, beside its gradient. */
  static final long MASK = 5;

  private static final long CONVOLVED = 6;
  private static final long WITH_BIAS = 7;
  private static final long SUMMED = 8;

  /** The number of the operation that copies, which JCudnn has no name for. */
  private static final int POINTWISE_IDENTITY = 21;

  private final CudnnOperations cudnn;
  private final ConvolutionCase c;
  private final int type;

  private ConvolutionOperations(Scope owner, CudnnValues values, ConvolutionCase c) {
    this.cudnn = new CudnnOperations(owner, values);
    this.c = c;
    this.type = CudnnOperations.type(c.type());
  }

  /**
   * The finished operation graph.
   *
   * @param owner closes it and all that it consists of
   * @param rounded a filter gradient in the type of the operands, rather than in fp32
   * @throws org.nin4j.backend.cuda.device.CudaException if cuDNN declines it
   */
  static CudnnDescriptor graph(
      Scope owner, CudnnTarget target, CudnnValues values, ConvolutionCase c, boolean rounded) {
    ConvolutionOperations operations = new ConvolutionOperations(owner, values, c);
    CudnnDescriptor[] all =
        switch (c.kind()) {
          case FORWARD -> operations.forward();
          case BACKWARD_DATA -> operations.backwardData();
          case BACKWARD_FILTER -> operations.backwardFilter(rounded);
        };
    return operations.cudnn.graph(target, all);
  }

  private CudnnDescriptor[] forward() {
    CudnnDescriptor convolved = y(CONVOLVED, CUDNN_DATA_FLOAT).yes(CUDNN_ATTR_TENSOR_IS_VIRTUAL);
    CudnnDescriptor bias = cudnn.tensor(BIAS, type, 1, c.filters(), 1, 1).finish();
    CudnnDescriptor y = y(Y, type).finish();
    CudnnDescriptor convolution =
        cudnn
            .add(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR)
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, convolution())
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x(X, type).finish())
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, weight(WEIGHT, type).finish())
            .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, convolved.finish())
            .number(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, 1)
            .number(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, 0)
            .finish();
    if (!c.relu()) {
      return new CudnnDescriptor[] {
        convolution, cudnn.pointwise(CUDNN_POINTWISE_ADD, convolved, bias, y)
      };
    }
    CudnnDescriptor withBias =
        y(WITH_BIAS, CUDNN_DATA_FLOAT).yes(CUDNN_ATTR_TENSOR_IS_VIRTUAL).finish();
    return new CudnnDescriptor[] {
      convolution,
      cudnn.pointwise(CUDNN_POINTWISE_ADD, convolved, bias, withBias),
      cudnn.pointwise(CUDNN_POINTWISE_RELU_FWD, withBias, y)
    };
  }

  private CudnnDescriptor[] backwardData() {
    CudnnDescriptor dx = x(X, type).finish();
    if (!c.isMasked()) {
      return new CudnnDescriptor[] {backwardData(dx)};
    }
    CudnnDescriptor summed = x(SUMMED, CUDNN_DATA_FLOAT).yes(CUDNN_ATTR_TENSOR_IS_VIRTUAL).finish();
    CudnnDescriptor relu =
        cudnn
            .pointwise(CUDNN_POINTWISE_RELU_BWD, x(MASK, type).finish())
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, summed)
            .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, dx)
            .finish();
    return new CudnnDescriptor[] {backwardData(summed), relu};
  }

  private CudnnDescriptor backwardData(CudnnDescriptor dx) {
    return cudnn
        .add(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR)
        .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, convolution())
        .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, dx)
        .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, weight(WEIGHT, type).finish())
        .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, y(Y, type).finish())
        .number(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, 1)
        .number(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, 0)
        .finish();
  }

  private CudnnDescriptor[] backwardFilter(boolean rounded) {
    if (rounded || type == CUDNN_DATA_FLOAT) {
      return new CudnnDescriptor[] {backwardFilter(weight(WEIGHT, type).finish())};
    }
    CudnnDescriptor summed =
        weight(SUMMED, CUDNN_DATA_FLOAT).yes(CUDNN_ATTR_TENSOR_IS_VIRTUAL).finish();
    CudnnDescriptor result = weight(WEIGHT, CUDNN_DATA_FLOAT).finish();
    return new CudnnDescriptor[] {
      backwardFilter(summed), cudnn.pointwise(POINTWISE_IDENTITY, summed, result)
    };
  }

  private CudnnDescriptor backwardFilter(CudnnDescriptor result) {
    return cudnn
        .add(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR)
        .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, convolution())
        .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, x(X, type).finish())
        .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, result)
        .descriptors(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, y(Y, type).finish())
        .number(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, 1)
        .number(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, 0)
        .finish();
  }

  /** How the window goes over x; sums are in fp32. */
  private CudnnDescriptor convolution() {
    long padding = c.window().padding();
    long stride = c.window().stride();
    return cudnn
        .add(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR)
        .choice(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT)
        .choice(
            CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, CUDNN_CROSS_CORRELATION)
        .integers(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 2)
        .integers(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, padding, padding)
        .integers(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, padding, padding)
        .integers(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, stride, stride)
        .integers(CUDNN_ATTR_CONVOLUTION_DILATIONS, 1, 1)
        .finish();
  }

  private CudnnDescriptor x(long number, int type) {
    return cudnn.tensor(number, type, c.samples(), c.channels(), c.height(), c.width());
  }

  private CudnnDescriptor weight(long number, int type) {
    int kernel = c.window().kernel();
    return cudnn.tensor(number, type, c.filters(), c.channels(), kernel, kernel);
  }

  private CudnnDescriptor y(long number, int type) {
    return cudnn.tensor(number, type, c.samples(), c.filters(), c.outHeight(), c.outWidth());
  }
}
