package org.nin4j.backend.cuda;

import jcuda.driver.CUevent;
import jcuda.driver.JCudaDriver;

/** Measures how long the device works, by two events in its stream. */
final class Stopwatch implements AutoCloseable {
  private final Scope scope;
  private final Device device;
  private final CUevent begin;
  private final CUevent end;

  Stopwatch(Device device) {
    this.device = device;
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

  /** Milliseconds that the work takes; waits for it. */
  float measure(Work work) {
    Check.driver(JCudaDriver.cuEventRecord(begin, device.stream()), "cuEventRecord");
    work.enqueue();
    Check.driver(JCudaDriver.cuEventRecord(end, device.stream()), "cuEventRecord");
    Check.driver(JCudaDriver.cuEventSynchronize(end), "cuEventSynchronize");
    float[] milliseconds = new float[1];
    Check.driver(JCudaDriver.cuEventElapsedTime(milliseconds, begin, end), "cuEventElapsedTime");
    return milliseconds[0];
  }

  @Override
  public void close() {
    scope.close();
  }
}
