package org.nin4j.backend.cuda.device;

import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnHandle;
import jcuda.runtime.cudaStream_t;

/** A stream with handles of the libraries, and scratch memory for cuBLAS, of its own. */
final class Lane implements AutoCloseable {
  /** Scratch memory for cuBLAS: NVIDIA's advice for Hopper, enough for all others. */
  private static final long CUBLAS_WORKSPACE = 32L << 20;

  private final Scope scope;
  private final CUstream stream = new CUstream();
  private final CUevent reached = new CUevent();
  private final cublasHandle cublas = new cublasHandle();
  private final cudnnHandle cudnn = new cudnnHandle();

  /** In the context that is current. */
  Lane() {
    try (Scope parts = new Scope()) {
      Check.driver(
          JCudaDriver.cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING),
          "cuStreamCreate");
      parts.add(() -> Check.driver(JCudaDriver.cuStreamDestroy(stream), "cuStreamDestroy"));
      Check.driver(
          JCudaDriver.cuEventCreate(reached, CUevent_flags.CU_EVENT_DISABLE_TIMING),
          "cuEventCreate");
      parts.add(() -> Check.driver(JCudaDriver.cuEventDestroy(reached), "cuEventDestroy"));

      DeviceMemory workspace = parts.add(new DeviceMemory(CUBLAS_WORKSPACE));
      Check.cublas(JCublas2.cublasCreate(cublas), "cublasCreate");
      parts.add(() -> Check.cublas(JCublas2.cublasDestroy(cublas), "cublasDestroy"));
      cudaStream_t same = new cudaStream_t(stream);
      Check.cublas(JCublas2.cublasSetStream(cublas, same), "cublasSetStream");
      // After the stream, which takes the workspace away. Without one of ours, cuBLAS would
      // allocate within a captured run.
      Check.cublas(
          JCublas2.cublasSetWorkspace(cublas, workspace.at(0), CUBLAS_WORKSPACE),
          "cublasSetWorkspace");

      Check.cudnn(JCudnn.cudnnCreate(cudnn), "cudnnCreate");
      parts.add(() -> Check.cudnn(JCudnn.cudnnDestroy(cudnn), "cudnnDestroy"));
      Check.cudnn(JCudnn.cudnnSetStream(cudnn, same), "cudnnSetStream");
      scope = parts.release();
    }
  }

  CUstream stream() {
    return stream;
  }

  cublasHandle cublas() {
    return cublas;
  }

  cudnnHandle cudnn() {
    return cudnn;
  }

  /** What comes next here runs after all that the other has so far; nobody waits for it now. */
  void follow(Lane other) {
    Check.driver(JCudaDriver.cuEventRecord(other.reached, other.stream), "cuEventRecord");
    Check.driver(JCudaDriver.cuStreamWaitEvent(stream, other.reached, 0), "cuStreamWaitEvent");
  }

  /** Waits for all work so far. */
  void synchronize() {
    Check.driver(JCudaDriver.cuStreamSynchronize(stream), "cuStreamSynchronize");
  }

  @Override
  public void close() {
    scope.close();
  }
}
