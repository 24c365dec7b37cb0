package org.nin4j.backend.cuda.kernel;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jcuda.driver.CUevent;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import org.nin4j.backend.cuda.device.Check;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.device.Work;

/**
 * Measures how long the device works, by events in its stream.
 *
 * <p>To put a kernel into the stream takes the host 5 to 20 µs, as long as a short kernel runs. So
 * the device is kept busy by a kernel that only spins, until all that is to be measured stands
 * behind it.
 */
public final class Stopwatch implements AutoCloseable {
  /** Of the spinning kernel; the host needs that for a few calls. */
  private static final long LEAST_NANOS = 100_000;

  private static final long MOST_NANOS = 30_000_000;

  /** Few GPUs have a faster clock; with a slower one the kernel spins longer. */
  private static final int CYCLES_PER_NANO = 2;

  private final Scope scope;
  private final Device device;
  private final CUevent begin;
  private final CUevent end;
  private final long[] cycles = {LEAST_NANOS * CYCLES_PER_NANO};
  private final Work spin;

  public Stopwatch(Device device, KernelLibrary kernels) {
    this.device = device;
    this.spin = kernels.single("spin", "spin", cycles);
    try (Scope parts = new Scope()) {
      begin = event(parts);
      end = event(parts);
      scope = parts.release();
    }
  }

  private static CUevent event(Scope parts) {
    CUevent event = new CUevent();
    Check.driver(JCudaDriver.cuEventCreate(event, 0), "cuEventCreate");
    parts.add(() -> Check.driver(JCudaDriver.cuEventDestroy(event), "cuEventDestroy"));
    return event;
  }

  /** Keeps the device at work, so that its clock rises to what it has in training; waits. */
  public void warmUp(Work work, long milliseconds) {
    long start = System.nanoTime();
    while (System.nanoTime() - start < milliseconds * 1_000_000) {
      work.enqueue();
      device.synchronize();
    }
  }

  /**
   * Milliseconds that the work takes; waits for it.
   *
   * @param work is run again where the host did not put it into the stream in time
   */
  public float measure(Work work) {
    return measureAfter(() -> {}, work);
  }

  private float measureAfter(Work before, Work work) {
    while (true) {
      spin.enqueue();
      before.enqueue();
      record(begin);
      work.enqueue();
      record(end);
      boolean late = hasPassed(begin);
      float milliseconds = between(begin, end);
      if (!late || !spinLonger()) {
        return milliseconds;
      }
    }
  }

  /** The median of some measurements. */
  public float median(Work work, int measurements) {
    return medianAfter(() -> {}, work, measurements);
  }

  /** The same, each after other work, whose time does not count. */
  public float medianAfter(Work before, Work work, int measurements) {
    float[] milliseconds = new float[measurements];
    for (int i = 0; i < measurements; i++) {
      milliseconds[i] = measureAfter(before, work);
    }
    Arrays.sort(milliseconds);
    return milliseconds[measurements / 2];
  }

  /**
   * Milliseconds that each of some works takes, one after the other, each run once; waits for them.
   *
   * @param hostNanos that the host needs at most to put all of them into the stream
   */
  public float[] laps(List<Work> works, long hostNanos) {
    cycles[0] = hostNanos * CYCLES_PER_NANO;
    float[] milliseconds = new float[works.size()];
    try (Scope parts = new Scope()) {
      List<CUevent> marks = new ArrayList<>();
      for (int i = 0; i <= works.size(); i++) {
        marks.add(event(parts));
      }
      spin.enqueue();
      record(marks.get(0));
      for (int i = 0; i < works.size(); i++) {
        works.get(i).enqueue();
        record(marks.get(i + 1));
      }
      for (int i = 0; i < works.size(); i++) {
        milliseconds[i] = between(marks.get(i), marks.get(i + 1));
      }
    }
    return milliseconds;
  }

  private void record(CUevent event) {
    Check.driver(JCudaDriver.cuEventRecord(event, device.stream()), "cuEventRecord");
  }

  private static boolean hasPassed(CUevent event) {
    int result = JCudaDriver.cuEventQuery(event);
    if (result == CUresult.CUDA_ERROR_NOT_READY) {
      return false;
    }
    Check.driver(result, "cuEventQuery");
    return true;
  }

  private static float between(CUevent from, CUevent to) {
    Check.driver(JCudaDriver.cuEventSynchronize(to), "cuEventSynchronize");
    float[] milliseconds = new float[1];
    Check.driver(JCudaDriver.cuEventElapsedTime(milliseconds, from, to), "cuEventElapsedTime");
    return milliseconds[0];
  }

  private boolean spinLonger() {
    boolean can = 2 * cycles[0] <= MOST_NANOS * CYCLES_PER_NANO;
    if (can) {
      cycles[0] *= 2;
    }
    return can;
  }

  @Override
  public void close() {
    scope.close();
  }
}
