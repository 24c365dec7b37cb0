package org.nin4j.backend.cuda.norm;

import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_TENSOR_IS_BY_VALUE;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_TENSOR_IS_VIRTUAL;
import static jcuda.jcudnn.cudnnDataType.CUDNN_DATA_FLOAT;
import static jcuda.jcudnn.cudnnPointwiseMode.CUDNN_POINTWISE_ADD;
import static jcuda.jcudnn.cudnnPointwiseMode.CUDNN_POINTWISE_RELU_FWD;

import java.util.ArrayList;
import java.util.List;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.library.CudnnDescriptor;
import org.nin4j.backend.cuda.library.CudnnOperations;
import org.nin4j.backend.cuda.library.CudnnTarget;
import org.nin4j.backend.cuda.library.CudnnValues;

/**
 * A {@link NormCase} as operations of cuDNN's graph API, which JCudnn has no names for.
 *
 * <p>Forward: the norm, in fp32 until it is stored, a sum, a ReLU. Backward: its gradients alone.
 * With the gradient of a ReLU in the graph, as dy times whether something is above 0 (CMP_GT, MUL),
 * cuDNN 9.19 makes a plan, but on an H100 its kernel, {@code nhwc_batch_norm_bwd}, did not compute
 * the comparison: it read the mask, a byte for each element, from address 0. That ends the process,
 * so that no trial could tell.
 *
 * <p>Running statistics are left out: whether the running variance would be by M or M − 1 elements
 * is not documented for graphs, and no trial that allows for rounding could tell.
 */
final class NormOperations {
  /** The number of eps, which is passed by its value. */
  static final long EPS = 101;

  private static final int FORWARD_DESCRIPTOR = 29;
  private static final int FORWARD_MODE = 2000;
  private static final int FORWARD_PHASE = 2001;
  private static final int FORWARD_X = 2002;
  private static final int FORWARD_MEAN = 2003;
  private static final int FORWARD_INVERSE = 2004;
  private static final int FORWARD_WEIGHT = 2005;
  private static final int FORWARD_BIAS = 2006;
  private static final int FORWARD_EPS = 2007;
  private static final int FORWARD_Y = 2013;
  private static final int BACKWARD_DESCRIPTOR = 30;
  private static final int BACKWARD_MODE = 2100;
  private static final int BACKWARD_X = 2101;
  private static final int BACKWARD_MEAN = 2102;
  private static final int BACKWARD_INVERSE = 2103;
  private static final int BACKWARD_OUTPUT_GRADIENT = 2104;
  private static final int BACKWARD_WEIGHT = 2105;
  private static final int BACKWARD_WEIGHT_GRADIENT = 2107;
  private static final int BACKWARD_BIAS_GRADIENT = 2108;
  private static final int BACKWARD_INPUT_GRADIENT = 2109;
  private static final int TYPE_MODE = 27;
  private static final int TYPE_PHASE = 28;
  private static final int BATCH_NORM = 2;
  private static final int TRAINING = 1;

  private final CudnnOperations cudnn;
  private final NormCase c;
  private final int type;
  private final List<CudnnDescriptor> operations = new ArrayList<>();

  /** The number of the next tensor that lies nowhere. */
  private long next = 201;

  private NormOperations(Scope owner, CudnnValues values, NormCase c) {
    this.cudnn = new CudnnOperations(owner, values);
    this.c = c;
    this.type = CudnnOperations.type(c.type());
  }

  /**
   * The finished operation graph.
   *
   * @param owner closes it and all that it consists of
   * @throws org.nin4j.backend.cuda.device.CudaException if cuDNN declines it
   */
  static CudnnDescriptor graph(Scope owner, CudnnTarget target, CudnnValues values, NormCase c) {
    NormOperations all = new NormOperations(owner, values, c);
    if (c.kind().isForward()) {
      all.forward();
    } else {
      all.backward();
    }
    return all.cudnn.graph(target, all.operations.toArray(CudnnDescriptor[]::new));
  }

  private void forward() {
    CudnnDescriptor y = stored(NormTensor.Y);
    switch (c.kind()) {
      case FORWARD -> norm(y);
      case FORWARD_RELU -> {
        CudnnDescriptor normalised = between();
        norm(normalised);
        operations.add(cudnn.pointwise(CUDNN_POINTWISE_RELU_FWD, normalised, y));
      }
      case FORWARD_SUM_RELU -> {
        CudnnDescriptor normalised = between();
        CudnnDescriptor sum = between();
        norm(normalised);
        operations.add(
            cudnn.pointwise(CUDNN_POINTWISE_ADD, normalised, stored(NormTensor.ADDED), sum));
        operations.add(cudnn.pointwise(CUDNN_POINTWISE_RELU_FWD, sum, y));
      }
      case BACKWARD -> throw new IllegalStateException(c + " is a gradient");
    }
  }

  private void norm(CudnnDescriptor y) {
    operations.add(
        cudnn
            .add(FORWARD_DESCRIPTOR)
            .choice(FORWARD_MODE, TYPE_MODE, BATCH_NORM)
            .choice(FORWARD_PHASE, TYPE_PHASE, TRAINING)
            .descriptors(FORWARD_X, stored(NormTensor.X))
            .descriptors(FORWARD_MEAN, byChannel(NormTensor.MEAN))
            .descriptors(FORWARD_INVERSE, byChannel(NormTensor.INVERSE))
            .descriptors(FORWARD_WEIGHT, byChannel(NormTensor.WEIGHT))
            .descriptors(FORWARD_BIAS, byChannel(NormTensor.BIAS))
            .descriptors(FORWARD_EPS, byValue(EPS))
            .descriptors(FORWARD_Y, y)
            .finish());
  }

  private void backward() {
    operations.add(
        cudnn
            .add(BACKWARD_DESCRIPTOR)
            .choice(BACKWARD_MODE, TYPE_MODE, BATCH_NORM)
            .descriptors(BACKWARD_X, stored(NormTensor.X))
            .descriptors(BACKWARD_MEAN, byChannel(NormTensor.MEAN))
            .descriptors(BACKWARD_INVERSE, byChannel(NormTensor.INVERSE))
            .descriptors(BACKWARD_OUTPUT_GRADIENT, stored(NormTensor.OUTPUT_GRADIENT))
            .descriptors(BACKWARD_WEIGHT, byChannel(NormTensor.WEIGHT))
            .descriptors(BACKWARD_WEIGHT_GRADIENT, byChannel(NormTensor.WEIGHT_GRADIENT))
            .descriptors(BACKWARD_BIAS_GRADIENT, byChannel(NormTensor.BIAS_GRADIENT))
            .descriptors(BACKWARD_INPUT_GRADIENT, stored(NormTensor.INPUT_GRADIENT))
            .finish());
  }

  private CudnnDescriptor stored(NormTensor tensor) {
    return likeX(tensor.number(), type).finish();
  }

  /** What lies nowhere in memory, in fp32. */
  private CudnnDescriptor between() {
    return likeX(next++, CUDNN_DATA_FLOAT).yes(CUDNN_ATTR_TENSOR_IS_VIRTUAL).finish();
  }

  private CudnnDescriptor likeX(long number, int cudnnType) {
    return cudnn.tensor(number, cudnnType, c.samples(), c.channels(), c.height(), c.width());
  }

  private CudnnDescriptor byChannel(NormTensor tensor) {
    return cudnn.tensor(tensor.number(), CUDNN_DATA_FLOAT, 1, c.channels(), 1, 1).finish();
  }

  private CudnnDescriptor byValue(long number) {
    return cudnn
        .tensor(number, CUDNN_DATA_FLOAT, 1, 1, 1, 1)
        .yes(CUDNN_ATTR_TENSOR_IS_BY_VALUE)
        .finish();
  }
}
