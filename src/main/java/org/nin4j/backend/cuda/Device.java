package org.nin4j.backend.cuda;

import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT;

import java.nio.charset.StandardCharsets;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnHandle;
import jcuda.runtime.cudaStream_t;

/**
 * One GPU: its primary context, the one stream that all work goes through, and the libraries'
 * handles. The context is current on the thread that opened the device, and only there.
 */
final class Device implements AutoCloseable {
  /** Scratch memory for cuBLAS: NVIDIA's advice for Hopper, enough for all others. */
  private static final long CUBLAS_WORKSPACE = 32L << 20;

  private static final int NAME_BYTES = 256;

  private final Scope scope;
  private final String name;
  private final int capability;
  private final int multiprocessors;
  private final int sharedBytes;
  private final CUstream stream;
  private final cublasHandle cublas;
  private final cudnnHandle cudnn;
  private final Staging staging;

  /** Opens the GPU of that number; the natives are loaded. */
  Device(int index) {
    try (Scope parts = new Scope()) {
      Check.driver(JCudaDriver.cuInit(0), "cuInit");
      CUdevice device = new CUdevice();
      Check.driver(JCudaDriver.cuDeviceGet(device, index), "cuDeviceGet");
      name = nameOf(device);
      capability =
          10 * attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
              + attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
      multiprocessors = attribute(device, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
      sharedBytes = attribute(device, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);

      CUcontext context = new CUcontext();
      Check.driver(
          JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "cuDevicePrimaryCtxRetain");
      parts.add(
          () ->
              Check.driver(
                  JCudaDriver.cuDevicePrimaryCtxRelease(device), "cuDevicePrimaryCtxRelease"));
      Check.driver(JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");

      stream = new CUstream();
      Check.driver(
          JCudaDriver.cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING),
          "cuStreamCreate");
      parts.add(() -> Check.driver(JCudaDriver.cuStreamDestroy(stream), "cuStreamDestroy"));
      staging = parts.add(new Staging(stream));

      DeviceMemory workspace = parts.add(new DeviceMemory(CUBLAS_WORKSPACE));
      cublas = new cublasHandle();
      Check.cublas(JCublas2.cublasCreate(cublas), "cublasCreate");
      parts.add(() -> Check.cublas(JCublas2.cublasDestroy(cublas), "cublasDestroy"));
      cudaStream_t same = new cudaStream_t(stream);
      Check.cublas(JCublas2.cublasSetStream(cublas, same), "cublasSetStream");
      // After the stream, which takes the workspace away. Without one of ours, cuBLAS would
      // allocate within a captured run.
      Check.cublas(
          JCublas2.cublasSetWorkspace(cublas, workspace.at(0), CUBLAS_WORKSPACE),
          "cublasSetWorkspace");

      cudnn = new cudnnHandle();
      Check.cudnn(JCudnn.cudnnCreate(cudnn), "cudnnCreate");
      parts.add(() -> Check.cudnn(JCudnn.cudnnDestroy(cudnn), "cudnnDestroy"));
      Check.cudnn(JCudnn.cudnnSetStream(cudnn, same), "cudnnSetStream");
      scope = parts.release();
    }
  }

  private static String nameOf(CUdevice device) {
    byte[] text = new byte[NAME_BYTES];
    Check.driver(JCudaDriver.cuDeviceGetName(text, NAME_BYTES, device), "cuDeviceGetName");
    String padded = new String(text, StandardCharsets.UTF_8);
    int end = padded.indexOf('\0');
    return end < 0 ? padded : padded.substring(0, end);
  }

  private static int attribute(CUdevice device, int attribute) {
    int[] value = new int[1];
    Check.driver(
        JCudaDriver.cuDeviceGetAttribute(value, attribute, device), "cuDeviceGetAttribute");
    return value[0];
  }

  String name() {
    return name;
  }

  /** Compute capability, 90 for 9.0. */
  int capability() {
    return capability;
  }

  int multiprocessors() {
    return multiprocessors;
  }

  /** Shared memory that a block may have, for kernels that ask for more than the usual 48 KiB. */
  int sharedBytes() {
    return sharedBytes;
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

  /** The way between host and device for everything but a run. */
  Staging staging() {
    return staging;
  }

  /** Waits for all work so far. */
  void synchronize() {
    Check.driver(JCudaDriver.cuStreamSynchronize(stream), "cuStreamSynchronize");
  }

  /** Bytes that could be allocated. */
  static long freeBytes() {
    long[] free = new long[1];
    Check.driver(JCudaDriver.cuMemGetInfo(free, new long[1]), "cuMemGetInfo");
    return free[0];
  }

  @Override
  public void close() {
    scope.close();
  }
}
