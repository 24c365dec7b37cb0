package org.nin4j.backend.cuda.device;

import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.cublasHandle;
import jcuda.jcudnn.cudnnHandle;

/**
 * One GPU: its primary context, the stream that work goes through, and the libraries' handles; and,
 * where wanted, a second stream for work beside it. The context is current on the thread that
 * opened the device, and only there.
 */
public final class Device implements AutoCloseable {
  private static final int NAME_BYTES = 256;

  private final Scope scope;
  private final String name;
  private final int capability;
  private final int multiprocessors;
  private final int sharedBytes;
  private final int cacheBytes;
  private final Lane first;
  private final Optional<Lane> second;
  private final Staging staging;

  /** Where work goes now. */
  private Lane lane;

  /**
   * Opens the GPU of that number; the natives are loaded.
   *
   * @param secondStream whether work can be {@link #fork forked}
   */
  public Device(int index, boolean secondStream) {
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
      cacheBytes = attribute(device, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);

      CUcontext context = new CUcontext();
      Check.driver(
          JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "cuDevicePrimaryCtxRetain");
      parts.add(
          () ->
              Check.driver(
                  JCudaDriver.cuDevicePrimaryCtxRelease(device), "cuDevicePrimaryCtxRelease"));
      Check.driver(JCudaDriver.cuCtxSetCurrent(context), "cuCtxSetCurrent");

      first = parts.add(new Lane());
      second = secondStream ? Optional.of(parts.add(new Lane())) : Optional.empty();
      lane = first;
      staging = parts.add(new Staging(first.stream()));
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

  public String name() {
    return name;
  }

  /** Compute capability, 90 for 9.0. */
  public int capability() {
    return capability;
  }

  public int multiprocessors() {
    return multiprocessors;
  }

  /** Shared memory that a block may have, for kernels that ask for more than the usual 48 KiB. */
  public int sharedBytes() {
    return sharedBytes;
  }

  /** Of the cache between all multiprocessors and the memory. */
  public int cacheBytes() {
    return cacheBytes;
  }

  public CUstream stream() {
    return lane.stream();
  }

  public cublasHandle cublas() {
    return lane.cublas();
  }

  public cudnnHandle cudnn() {
    return lane.cudnn();
  }

  /** Puts work into the second stream, after all that is in the first so far. */
  public void fork(Work work) {
    lane = second.orElseThrow();
    try {
      lane.follow(first);
      work.enqueue();
    } finally {
      lane = first;
    }
  }

  /** What comes next in the first stream runs after all that is in the second so far. */
  public void join() {
    first.follow(second.orElseThrow());
  }

  /** The way between host and device for everything but a run. */
  public Staging staging() {
    return staging;
  }

  /** Waits for all work so far. */
  public void synchronize() {
    first.synchronize();
    // Joined already, unless something failed between.
    second.ifPresent(Lane::synchronize);
  }

  /** Bytes that could be allocated. */
  public static long freeBytes() {
    long[] free = new long[1];
    Check.driver(JCudaDriver.cuMemGetInfo(free, new long[1]), "cuMemGetInfo");
    return free[0];
  }

  @Override
  public void close() {
    scope.close();
  }
}
