package org.nin4j.backend.cuda.device;

import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import org.nin4j.text.Text;

/** One allocation on the device. */
public final class DeviceMemory implements AutoCloseable {
  private final CUdeviceptr base = new CUdeviceptr();
  private final long bytes;
  private boolean freed;

  /**
   * Allocates.
   *
   * @throws DeviceMemoryException if the device has no such room
   */
  public DeviceMemory(long bytes) {
    this.bytes = bytes;
    int result = JCudaDriver.cuMemAlloc(base, bytes);
    if (result == CUresult.CUDA_ERROR_OUT_OF_MEMORY) {
      long free = Device.freeBytes();
      throw new DeviceMemoryException(
          Text.of("the GPU has no room for %s: %s are free", Sizes.text(bytes), Sizes.text(free)),
          bytes,
          free,
          0);
    }
    Check.driver(result, "cuMemAlloc");
  }

  public long bytes() {
    return bytes;
  }

  public CUdeviceptr at(long offset) {
    return base.withByteOffset(offset);
  }

  public long address() {
    return Address.ofPlace(base);
  }

  /** Sets bytes, in the stream's order. */
  public void fill(Device device, byte value, long offset, long count) {
    if (count > 0) {
      Check.driver(
          JCudaDriver.cuMemsetD8Async(at(offset), value, count, device.stream()),
          "cuMemsetD8Async");
    }
  }

  @Override
  public void close() {
    if (!freed) {
      freed = true;
      Check.driver(JCudaDriver.cuMemFree(base), "cuMemFree");
    }
  }
}
