package org.nin4j.backend.cuda.library;

import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATIONGRAPH_OPS;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_POINTWISE_BDESC;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_POINTWISE_XDESC;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_OPERATION_POINTWISE_YDESC;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_POINTWISE_MATH_PREC;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_POINTWISE_MODE;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_TENSOR_DATA_TYPE;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_TENSOR_DIMENSIONS;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_TENSOR_STRIDES;
import static jcuda.jcudnn.cudnnBackendAttributeName.CUDNN_ATTR_TENSOR_UNIQUE_ID;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_DATA_TYPE;
import static jcuda.jcudnn.cudnnBackendAttributeType.CUDNN_TYPE_POINTWISE_MODE;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_POINTWISE_DESCRIPTOR;
import static jcuda.jcudnn.cudnnBackendDescriptorType.CUDNN_BACKEND_TENSOR_DESCRIPTOR;
import static jcuda.jcudnn.cudnnDataType.CUDNN_DATA_BFLOAT16;
import static jcuda.jcudnn.cudnnDataType.CUDNN_DATA_FLOAT;

import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.library.CudnnTarget.Question;
import org.nin4j.tensor.DType;

/**
 * What every operation graph of cuDNN is made of: tensors with the channels last, functions of
 * elements computed in fp32, and the graph of all.
 *
 * @param owner closes all descriptors
 * @param values memory for the values of attributes
 */
public record CudnnOperations(Scope owner, CudnnValues values) {
  /**
   * Bytes at whose multiples the tensors begin; {@link
   * org.nin4j.backend.cuda.kernel.Kernels#ALIGNMENT} or half of it does.
   */
  private static final long ALIGNMENT = 16;

  /** cuDNN's number of the type of activations, which are fp32 or bf16. */
  public static int type(DType type) {
    return type == DType.BF16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
  }

  /** An empty descriptor. */
  public CudnnDescriptor add(int type) {
    return owner.add(new CudnnDescriptor(values, type));
  }

  /**
   * A tensor, not finished yet. Axes are named in the order n, c, h, w, and lie in memory as n, h,
   * w, c.
   *
   * @param number by which a run names its place
   * @param type cuDNN's
   */
  public CudnnDescriptor tensor(long number, int type, long n, long c, long h, long w) {
    return add(CUDNN_BACKEND_TENSOR_DESCRIPTOR)
        .integers(CUDNN_ATTR_TENSOR_UNIQUE_ID, number)
        .choice(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, type)
        .integers(CUDNN_ATTR_TENSOR_DIMENSIONS, n, c, h, w)
        .integers(CUDNN_ATTR_TENSOR_STRIDES, h * w * c, 1, w * c, c)
        .integers(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, ALIGNMENT);
  }

  /** y = f(x). */
  public CudnnDescriptor pointwise(int mode, CudnnDescriptor x, CudnnDescriptor y) {
    return pointwise(mode, x).descriptors(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y).finish();
  }

  /** y = f(x, b). */
  public CudnnDescriptor pointwise(
      int mode, CudnnDescriptor x, CudnnDescriptor b, CudnnDescriptor y) {
    return pointwise(mode, x)
        .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b)
        .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y)
        .finish();
  }

  /** A function of x and more, not finished yet. */
  public CudnnDescriptor pointwise(int mode, CudnnDescriptor x) {
    CudnnDescriptor function =
        add(CUDNN_BACKEND_POINTWISE_DESCRIPTOR)
            .choice(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, mode)
            .choice(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, CUDNN_DATA_FLOAT)
            .finish();
    return add(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR)
        .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, function)
        .descriptors(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
  }

  /**
   * The finished operation graph.
   *
   * @throws org.nin4j.backend.cuda.device.CudaException if cuDNN declines it
   */
  public CudnnDescriptor graph(CudnnTarget target, CudnnDescriptor... operations) {
    CudnnDescriptor graph = add(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    target.nameTo(Question.GRAPH, graph);
    return graph.descriptors(CUDNN_ATTR_OPERATIONGRAPH_OPS, operations).finish();
  }
}
