package org.nin4j.backend.cuda.library;

import jcuda.Pointer;
import jcuda.cudaDataType;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasComputeType;
import jcuda.jcublas.cublasGemmAlgo;
import jcuda.jcublas.cublasOperation;
import org.nin4j.backend.cuda.device.Check;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.device.Work;
import org.nin4j.tensor.DType;

/**
 * c = op(a) · op(b) + beta · c for matrices in row-major order, summed in fp32.
 *
 * @param device that computes
 * @param factors type of a and b
 * @param result type of c
 * @param rounding whether fp32 factors may be rounded to TF32
 * @param transposeA whether a lies as (k × m)
 * @param transposeB whether b lies as (n × k)
 * @param m rows of c
 * @param n columns of c
 * @param k length of the sums
 * @param beta 0 to write, 1 to add
 */
public record MatMul(
    Device device,
    DType factors,
    DType result,
    boolean rounding,
    boolean transposeA,
    boolean transposeB,
    int m,
    int n,
    int k,
    float beta) {

  /** The product of these matrices. */
  public Work of(Pointer a, Pointer b, Pointer c) {
    Pointer one = Pointer.to(new float[] {1});
    Pointer scale = Pointer.to(new float[] {beta});
    int factorType = type(factors);
    int resultType = type(result);
    int compute =
        rounding && factors == DType.F32
            ? cublasComputeType.CUBLAS_COMPUTE_32F_FAST_TF32
            : cublasComputeType.CUBLAS_COMPUTE_32F;
    // cuBLAS is column-major: in its eyes these are the transposed matrices, and cᵀ = bᵀ · aᵀ.
    return () ->
        Check.cublas(
            JCublas2.cublasGemmEx_new(
                device.cublas(),
                transposeB ? cublasOperation.CUBLAS_OP_T : cublasOperation.CUBLAS_OP_N,
                transposeA ? cublasOperation.CUBLAS_OP_T : cublasOperation.CUBLAS_OP_N,
                n,
                m,
                k,
                one,
                b,
                factorType,
                transposeB ? k : n,
                a,
                factorType,
                transposeA ? m : k,
                scale,
                c,
                resultType,
                n,
                compute,
                cublasGemmAlgo.CUBLAS_GEMM_DEFAULT),
            "cublasGemmEx");
  }

  private static int type(DType type) {
    return switch (type) {
      case F32 -> cudaDataType.CUDA_R_32F;
      case BF16 -> cudaDataType.CUDA_R_16BF;
      case I32, U8 -> throw new IllegalArgumentException("no products of " + type);
    };
  }
}
