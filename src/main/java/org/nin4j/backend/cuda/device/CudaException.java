package org.nin4j.backend.cuda.device;

import org.nin4j.backend.BackendException;

/** A call of the driver, NVRTC, cuDNN or cuBLAS failed; the message names call, error and step. */
public class CudaException extends BackendException {
  private static final long serialVersionUID = 1L;

  private final String call;
  private final int code;
  private final boolean deviceLost;

  public CudaException(String message, String call, int code, boolean deviceLost) {
    super(message);
    this.call = call;
    this.code = code;
    this.deviceLost = deviceLost;
  }

  private CudaException(String message, CudaException cause) {
    super(message, cause);
    this.call = cause.call;
    this.code = cause.code;
    this.deviceLost = cause.deviceLost;
  }

  /** The same failure, reported with what was being done. */
  public CudaException during(String what) {
    return new CudaException(what + ": " + getMessage(), this);
  }

  /** What failed, such as {@code cuGraphLaunch} or {@code cuLaunchKernel of relu_forward_f32}. */
  public String call() {
    return call;
  }

  /** The library's own number for the error. */
  public int code() {
    return code;
  }

  /** Whether nothing can be computed on the GPU any more before the process is started anew. */
  public boolean deviceLost() {
    return deviceLost;
  }
}
