package org.nin4j.backend.cuda.step;

import java.nio.ByteBuffer;
import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.cuda.device.Staging;

/**
 * The session's counters and sums on the device, as {@code counters.cu} and {@code
 * softmax_cross_entropy.cu} keep them: step, run and first place, then the metrics.
 */
public final class Control {
  static final long BYTES = 256;
  private static final int FIRST_PLACE = 2 * Long.BYTES;
  private static final int METRICS = 64;
  private static final int METRICS_BYTES = 64;
  private static final int SAMPLES = 2;
  private static final int TOP1 = 3;
  private static final int TOP5 = 4;

  private final CUdeviceptr base;

  Control(CUdeviceptr base) {
    this.base = base;
  }

  /** Runs since training began. */
  public CUdeviceptr step() {
    return base;
  }

  /** Runs since the epoch began. */
  public CUdeviceptr run() {
    return base.withByteOffset(Long.BYTES);
  }

  /** Where each run's samples begin in the batch of which they are a part. */
  public CUdeviceptr firstPlace() {
    return base.withByteOffset(FIRST_PLACE);
  }

  CUdeviceptr metrics() {
    return base.withByteOffset(METRICS);
  }

  /** Starts an epoch. */
  public void begin(Staging staging, long firstStep, long firstPlace, Metrics before) {
    staging.upload(
        base,
        BYTES,
        (buffer, offset) -> {
          buffer.put(new byte[buffer.remaining()]);
          buffer.putLong(0, firstStep);
          buffer.putLong(FIRST_PLACE, firstPlace);
          buffer.putDouble(METRICS, before.lossSum());
          buffer.putLong(METRICS + SAMPLES * Long.BYTES, before.samples());
          buffer.putLong(METRICS + TOP1 * Long.BYTES, before.top1());
          buffer.putLong(METRICS + TOP5 * Long.BYTES, before.top5());
        });
  }

  public Metrics read(Staging staging) {
    Metrics[] read = new Metrics[1];
    staging.download(metrics(), METRICS_BYTES, (buffer, offset) -> read[0] = metrics(buffer));
    return read[0];
  }

  private static Metrics metrics(ByteBuffer buffer) {
    return new Metrics(
        buffer.getDouble(0),
        buffer.getLong(SAMPLES * Long.BYTES),
        buffer.getLong(TOP1 * Long.BYTES),
        buffer.getLong(TOP5 * Long.BYTES));
  }
}
