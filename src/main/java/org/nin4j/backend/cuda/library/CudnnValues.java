package org.nin4j.backend.cuda.library;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcuda.Pointer;
import jcuda.driver.JCudaDriver;
import org.nin4j.backend.cuda.device.Check;

/**
 * Where values of attributes lie while cuDNN reads or writes them. JCudnn passes on nothing but an
 * address in native memory, no Java array.
 */
public final class CudnnValues implements AutoCloseable {
  /** Enough for every attribute but the text of a plan. */
  private static final int USUAL_BYTES = 1024;

  private final int bytes;
  private final Pointer memory = new Pointer();
  private final ByteBuffer buffer;

  public CudnnValues() {
    this(USUAL_BYTES);
  }

  /**
   * @param bytes for the values of one attribute, at most
   */
  CudnnValues(int bytes) {
    this.bytes = bytes;
    Check.driver(JCudaDriver.cuMemHostAlloc(memory, bytes, 0), "cuMemHostAlloc");
    buffer = memory.getByteBuffer(0, bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** A number that a graph takes by its value. */
  public static CudnnValues ofNumber(float number) {
    CudnnValues values = new CudnnValues(Float.BYTES);
    values.writeInts(Float.floatToRawIntBits(number));
    return values;
  }

  /** How many values of the given number of bytes there is room for. */
  int room(int valueBytes) {
    return bytes / valueBytes;
  }

  /** Where they begin, on the host. */
  public Pointer memory() {
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

  void writeBytes(byte[] values) {
    buffer.put(0, values);
  }

  byte[] readBytes(int count) {
    byte[] values = new byte[count];
    buffer.get(0, values);
    return values;
  }

  @Override
  public void close() {
    Check.driver(JCudaDriver.cuMemFreeHost(memory), "cuMemFreeHost");
  }
}
