package org.nin4j.backend.cuda.device;

import java.util.Set;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.cublasStatus;
import jcuda.jcudnn.JCudnn;
import jcuda.nvrtc.JNvrtc;

/** Turns what the libraries answer into exceptions. */
public final class Check {
  /** After these, every further call in the process fails (CUDA driver API, error codes). */
  private static final Set<Integer> DEVICE_LOST =
      Set.of(
          CUresult.CUDA_ERROR_DEVICE_UNAVAILABLE,
          CUresult.CUDA_ERROR_ECC_UNCORRECTABLE,
          CUresult.CUDA_ERROR_NVLINK_UNCORRECTABLE,
          CUresult.CUDA_ERROR_ILLEGAL_ADDRESS,
          CUresult.CUDA_ERROR_LAUNCH_TIMEOUT,
          CUresult.CUDA_ERROR_CONTEXT_IS_DESTROYED,
          CUresult.CUDA_ERROR_ASSERT,
          CUresult.CUDA_ERROR_HARDWARE_STACK_ERROR,
          CUresult.CUDA_ERROR_ILLEGAL_INSTRUCTION,
          CUresult.CUDA_ERROR_MISALIGNED_ADDRESS,
          CUresult.CUDA_ERROR_INVALID_ADDRESS_SPACE,
          CUresult.CUDA_ERROR_INVALID_PC,
          CUresult.CUDA_ERROR_LAUNCH_FAILED,
          CUresult.CUDA_ERROR_EXTERNAL_DEVICE,
          CUresult.CUDA_ERROR_UNKNOWN);

  private Check() {}

  /** For functions of the CUDA driver. */
  public static void driver(int result, String call) {
    if (result != CUresult.CUDA_SUCCESS) {
      boolean lost = DEVICE_LOST.contains(result);
      String[] text = new String[1];
      boolean described =
          JCudaDriver.cuGetErrorString(result, text) == CUresult.CUDA_SUCCESS && text[0] != null;
      String[] name = new String[1];
      boolean named =
          JCudaDriver.cuGetErrorName(result, name) == CUresult.CUDA_SUCCESS && name[0] != null;
      throw failure(
          call,
          (named ? name[0] : "error") + " (" + result + ")" + (described ? ", " + text[0] : ""),
          result,
          lost);
    }
  }

  /** For functions of NVRTC. */
  public static void nvrtc(int result, String call) {
    if (result != 0) {
      throw failure(call, JNvrtc.nvrtcGetErrorString(result) + " (" + result + ")", result, false);
    }
  }

  /** For functions of cuBLAS. */
  public static void cublas(int status, String call) {
    if (status != cublasStatus.CUBLAS_STATUS_SUCCESS) {
      throw failure(call, cublasStatus.stringFor(status) + " (" + status + ")", status, false);
    }
  }

  /** For functions of cuDNN. */
  public static void cudnn(int status, String call) {
    if (status != 0) {
      // The names of JCudnn's constants are those of cuDNN 8; the library knows its own.
      throw failure(call, JCudnn.cudnnGetErrorString(status) + " (" + status + ")", status, false);
    }
  }

  /**
   * Whether cuDNN says that it has no such thing, rather than that something went wrong: bad
   * parameter or not supported, 3 and 9 in cuDNN 8, 2000 to 3999 since cuDNN 9.
   */
  public static boolean cudnnDeclines(int status) {
    return status == 3 || status == 9 || (status >= 2000 && status < 4000);
  }

  /** Of what it declines, whether cuDNN does not support it, rather than takes it for a mistake. */
  public static boolean cudnnDoesNotSupport(int status) {
    return status == 9 || (status >= 3000 && status < 4000);
  }

  /**
   * Whether cuDNN failed at a work of its own, such as compiling a kernel: 4 in cuDNN 8, 4000 to
   * 4999 since cuDNN 9.
   */
  public static boolean cudnnFailsWithin(int status) {
    return status == 4 || (status >= 4000 && status < 5000);
  }

  private static CudaException failure(String call, String error, int code, boolean lost) {
    String remedy =
        lost
            ? "; the GPU cannot be used again before the program is restarted, see nvidia-smi"
            : "";
    return new CudaException(call + " failed: " + error + remedy, call, code, lost);
  }
}
