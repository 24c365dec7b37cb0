package org.nin4j.backend.cuda.natives.doctor;

import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasStatus;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnHandle;
import jcuda.jcudnn.cudnnStatus;
import jcuda.nvrtc.JNvrtc;
import org.nin4j.backend.cuda.natives.search.Problem;
import org.nin4j.backend.cuda.natives.search.Version;

/**
 * What the driver says when asked.
 *
 * @param cuda the newest CUDA that it runs
 * @param initResult the answer of cuInit, 0 if it succeeded
 * @param gpus those it shows
 */
public record DriverState(Version cuda, int initResult, List<Gpu> gpus) {
  private static final int NAME_BYTES = 256;

  /**
   * Asks the driver, which {@link org.nin4j.backend.cuda.natives.JCudaNatives#loadDriver} has
   * loaded.
   */
  static DriverState ask() {
    int[] version = new int[1];
    JCudaDriver.cuDriverGetVersion(version);
    // cuda.h: 1000 * major + 10 * minor.
    Version cuda = new Version(version[0] / 1000 + "." + version[0] % 1000 / 10);
    int initResult = JCudaDriver.cuInit(0);
    int[] count = new int[1];
    List<Gpu> gpus = new ArrayList<>();
    if (initResult == CUresult.CUDA_SUCCESS
        && JCudaDriver.cuDeviceGetCount(count) == CUresult.CUDA_SUCCESS) {
      for (int index = 0; index < count[0]; index++) {
        gpus.add(describe(index));
      }
    }
    return new DriverState(cuda, initResult, List.copyOf(gpus));
  }

  private static Gpu describe(int index) {
    CUdevice device = new CUdevice();
    JCudaDriver.cuDeviceGet(device, index);
    byte[] name = new byte[NAME_BYTES];
    JCudaDriver.cuDeviceGetName(name, NAME_BYTES, device);
    long[] memory = new long[1];
    JCudaDriver.cuDeviceTotalMem(memory, device);
    String text = new String(name, StandardCharsets.UTF_8);
    int end = text.indexOf('\0');
    return new Gpu(
        index,
        end < 0 ? text : text.substring(0, end),
        attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
        attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
        memory[0]);
  }

  private static int attribute(CUdevice device, int attribute) {
    int[] value = new int[1];
    JCudaDriver.cuDeviceGetAttribute(value, attribute, device);
    return value[0];
  }

  /** The GPU that training would use: the first one that is new enough. */
  Optional<Gpu> firstSupported() {
    return gpus.stream().filter(Gpu::supported).findFirst();
  }

  /** The compute capabilities that the loaded NVRTC compiles for, as 10 * major + minor. */
  static List<Integer> compilable() {
    int[] count = new int[1];
    if (JNvrtc.nvrtcGetNumSupportedArchs(count) != 0 || count[0] <= 0) {
      return List.of();
    }
    int[] capabilities = new int[count[0]];
    return JNvrtc.nvrtcGetSupportedArchs(capabilities) == 0
        ? Arrays.stream(capabilities).boxed().toList()
        : List.of();
  }

  /** Opens a context, cuBLAS and cuDNN on a GPU and closes them; gives what did not succeed. */
  static Optional<Problem> tryOut(Gpu gpu) {
    CUdevice device = new CUdevice();
    JCudaDriver.cuDeviceGet(device, gpu.index());
    CUcontext context = new CUcontext();
    int result = JCudaDriver.cuDevicePrimaryCtxRetain(context, device);
    if (result != CUresult.CUDA_SUCCESS) {
      return Optional.of(
          new Problem.CallFailed("cuDevicePrimaryCtxRetain", CUresult.stringFor(result)));
    }
    try {
      JCudaDriver.cuCtxSetCurrent(context);
      return tryOutLibraries();
    } finally {
      JCudaDriver.cuCtxSetCurrent(new CUcontext());
      JCudaDriver.cuDevicePrimaryCtxRelease(device);
    }
  }

  private static Optional<Problem> tryOutLibraries() {
    cublasHandle cublas = new cublasHandle();
    int result = JCublas2.cublasCreate(cublas);
    if (result != cublasStatus.CUBLAS_STATUS_SUCCESS) {
      return Optional.of(new Problem.CallFailed("cublasCreate", cublasStatus.stringFor(result)));
    }
    JCublas2.cublasDestroy(cublas);
    cudnnHandle cudnn = new cudnnHandle();
    result = JCudnn.cudnnCreate(cudnn);
    if (result != cudnnStatus.CUDNN_STATUS_SUCCESS) {
      return Optional.of(new Problem.CallFailed("cudnnCreate", cudnnStatus.stringFor(result)));
    }
    JCudnn.cudnnDestroy(cudnn);
    return Optional.empty();
  }
}
