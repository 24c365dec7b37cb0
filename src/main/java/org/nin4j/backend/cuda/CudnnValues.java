package org.nin4j.backend.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcuda.Pointer;
import jcuda.driver.JCudaDriver;

/**
 * Where values of attributes lie while cuDNN reads or writes them. JCudnn passes on nothing but an
 * address in native memory, no Java array.
 */
final class CudnnValues implements AutoCloseable {
  private static final int BYTES = 1024;

  private final Pointer memory = new Pointer();
  private final ByteBuffer buffer;

  CudnnValues() {
    Check.driver(JCudaDriver.cuMemHostAlloc(memory, BYTES, 0), "cuMemHostAlloc");
    buffer = memory.getByteBuffer(0, BYTES).order(ByteOrder.LITTLE_ENDIAN);
  }

  Pointer memory() {
    return memory;
  }

  void writeLongs(long... values) {
    buffer.asLongBuffer().put(values);
  }

  long[] readLongs(int count) {
    long[] values = new long[count];
    buffer.asLongBuffer().get(values);
    return values;
  }

  void writeInts(int... values) {
    buffer.asIntBuffer().put(values);
  }

  int[] readInts(int count) {
    int[] values = new int[count];
    buffer.asIntBuffer().get(values);
    return values;
  }

  @Override
  public void close() {
    Check.driver(JCudaDriver.cuMemFreeHost(memory), "cuMemFreeHost");
  }
}
