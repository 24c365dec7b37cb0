package org.nin4j.backend.cuda.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.nin4j.backend.cuda.CudaBackend;
import org.nin4j.backend.cuda.StandInGpu;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.device.DeviceMemory;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.device.Work;
import org.nin4j.standin.StandIn;

/** The device's time is measured, not the host's; on a stand-in whose calls take long. */
class StopwatchTest {
  /** The fewest of some, since the stand-in may be interrupted. */
  private static final int TIMES = 8;

  private static final int CALLS = 5;

  private final Scope scope = new Scope();
  private Device device;
  private Stopwatch stopwatch;

  /** Some fills of a few bytes: next to no work, as many calls. */
  private Work work;

  @BeforeEach
  void open() {
    StandIn.assumeAvailable();
    CudaBackend.open(0, StandInGpu.options()).close();
    device = scope.add(new Device(0, false));
    DiskCache cache = new DiskCache(StandInGpu.cache(), System.err::println);
    KernelLibrary kernels = scope.add(new KernelLibrary(device, new KernelCompiler(cache, 90)));
    DeviceMemory memory = scope.add(new DeviceMemory(256));
    stopwatch = scope.add(new Stopwatch(device, kernels));
    work = Work.repeated(() -> memory.fill(device, (byte) 0, 0, 4), CALLS);
  }

  @AfterEach
  void close() {
    scope.close();
    StandInGpu.assertNoComplaint();
    StandInGpu.assertNothingLeft("measuring");
  }

  @Test
  void callsOfTheHostAreNotMeasured() {
    StandIn.set("latency", 1000);
    float least = Float.POSITIVE_INFINITY;
    for (int i = 0; i < TIMES; i++) {
      least = Math.min(least, stopwatch.measure(work));
    }
    assertTrue(least < 1, CALLS + " calls of 1 ms each took the device " + least + " ms");
    assertTrue(least >= 0);
  }

  /** Beyond what the device can be kept busy, a measurement comes to an end all the same. */
  @Test
  void aHostThatIsTooSlowIsWaitedFor() {
    StandIn.set("latency", 100_000);
    assertTrue(stopwatch.measure(work) >= CALLS * 100 - 50);
  }

  @Test
  void eachOfSeveralWorksRunsOnceAndHasItsOwnTime() {
    StandIn.set("latency", 500);
    long before = StandIn.calls("cuMemsetD8Async");
    float least = Float.POSITIVE_INFINITY;
    for (int i = 0; i < TIMES; i++) {
      float[] laps = stopwatch.laps(List.of(work, work, work), 20_000_000);
      assertEquals(3, laps.length);
      for (float lap : laps) {
        least = Math.min(least, lap);
      }
    }
    assertEquals(before + 3 * TIMES * CALLS, StandIn.calls("cuMemsetD8Async"));
    assertTrue(least < 0.5, CALLS + " calls of 0.5 ms each took the device " + least + " ms");
  }
}
