package org.nin4j.backend.cuda.kernel;

import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.JCudaDriver;
import org.nin4j.backend.cuda.device.Check;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.device.Work;

/**
 * A kernel with its arguments. An argument is an Integer, a Long, a Float or a device address; or
 * an {@code int[]} or {@code long[]} of one element, read anew each time, for what changes between
 * epochs.
 */
public final class Launch implements Work {
  /** Threads in a block of every kernel, as {@code grid.cuh} says. */
  public static final int BLOCK = 256;

  private final Device device;
  private final CUfunction function;
  private final String call;
  private final int blocks;
  private final int threads;
  private final int sharedBytes;
  private final Pointer arguments;

  /**
   * @param sharedBytes of dynamic shared memory for each block
   */
  Launch(
      Device device,
      CUfunction function,
      String kernel,
      int blocks,
      int threads,
      int sharedBytes,
      Object... arguments) {
    this.device = device;
    this.function = function;
    this.call = "cuLaunchKernel of " + kernel;
    this.blocks = blocks;
    this.threads = threads;
    this.sharedBytes = sharedBytes;
    Pointer[] pointers = new Pointer[arguments.length];
    for (int i = 0; i < arguments.length; i++) {
      pointers[i] = pointer(arguments[i]);
    }
    this.arguments = Pointer.to(pointers);
  }

  private static Pointer pointer(Object argument) {
    if (argument instanceof CUdeviceptr address) {
      return Pointer.to(address);
    } else if (argument instanceof Integer value) {
      return Pointer.to(new int[] {value});
    } else if (argument instanceof Long value) {
      return Pointer.to(new long[] {value});
    } else if (argument instanceof Float value) {
      return Pointer.to(new float[] {value});
    } else if (argument instanceof int[] box) {
      return Pointer.to(box);
    } else if (argument instanceof long[] box) {
      return Pointer.to(box);
    }
    throw new IllegalArgumentException("a kernel takes no " + argument.getClass());
  }

  @Override
  public void enqueue() {
    Check.driver(
        JCudaDriver.cuLaunchKernel(
            function, blocks, 1, 1, threads, 1, 1, sharedBytes, device.stream(), arguments, null),
        call);
  }
}
