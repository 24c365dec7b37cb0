package org.nin4j.backend.cuda.device;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/**
 * Copies between host and device through one pinned buffer, piece by piece. Each copy waits for the
 * runs before it and is done when it returns.
 */
public final class Staging implements AutoCloseable {
  /** Writes or reads one piece of a transfer. */
  @FunctionalInterface
  public interface Piece {
    /**
     * @param buffer the piece's bytes from position 0 to its limit, in the device's byte order
     * @param offset where the piece begins in the transfer, in bytes
     */
    void move(ByteBuffer buffer, long offset);
  }

  /** Large enough that starting a copy costs nothing, and a multiple of every element's size. */
  private static final int BYTES = 4 << 20;

  private final CUstream stream;
  private final Pointer pinned = new Pointer();
  private final ByteBuffer buffer;
  private boolean freed;

  Staging(CUstream stream) {
    this.stream = stream;
    Check.driver(JCudaDriver.cuMemHostAlloc(pinned, BYTES, 0), "cuMemHostAlloc");
    buffer = pinned.getByteBuffer(0, BYTES).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Copies what {@code source} writes to the device. */
  public void upload(CUdeviceptr target, long bytes, Piece source) {
    for (long done = 0; done < bytes; done += BYTES) {
      int size = (int) Math.min(BYTES, bytes - done);
      source.move(buffer.clear().limit(size), done);
      Check.driver(
          JCudaDriver.cuMemcpyHtoDAsync(target.withByteOffset(done), pinned, size, stream),
          "cuMemcpyHtoDAsync");
      Check.driver(JCudaDriver.cuStreamSynchronize(stream), "cuStreamSynchronize");
    }
  }

  /** Copies from the device and lets {@code target} read it. */
  public void download(CUdeviceptr source, long bytes, Piece target) {
    for (long done = 0; done < bytes; done += BYTES) {
      int size = (int) Math.min(BYTES, bytes - done);
      Check.driver(
          JCudaDriver.cuMemcpyDtoHAsync(pinned, source.withByteOffset(done), size, stream),
          "cuMemcpyDtoHAsync");
      Check.driver(JCudaDriver.cuStreamSynchronize(stream), "cuStreamSynchronize");
      target.move(buffer.clear().limit(size), done);
    }
  }

  /** Of bytes on the device, to tell whether two results are the same. */
  public long checksum(CUdeviceptr source, long bytes) {
    CRC32C sum = new CRC32C();
    download(source, bytes, (piece, offset) -> sum.update(piece));
    return sum.getValue();
  }

  @Override
  public void close() {
    if (!freed) {
      freed = true;
      Check.driver(JCudaDriver.cuMemFreeHost(pinned), "cuMemFreeHost");
    }
  }
}
