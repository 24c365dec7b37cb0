package org.nin4j.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import org.nin4j.standin.StandIn;

/** The backend on the CUDA stand-in. */
final class StandInGpu {
  /** Kept between test runs, since g++ takes seconds for each kernel file. */
  static final Path CACHE =
      Path.of(System.getProperty("basedir", "")).toAbsolutePath().resolve("target/cuda-test-cache");

  private StandInGpu() {}

  /** Kernels and algorithms from the tests' cache; a warning is a failure. */
  static CudaOptions options() {
    return CudaOptions.STANDARD
        .withLibraries(List.of(StandIn.libraries()))
        .withCache(CACHE)
        .withWarnings(
            warning -> {
              throw new AssertionError(warning);
            });
  }

  static CudaBackend open() {
    return CudaBackend.open(0, options());
  }

  /** After everything was closed: nothing is alive, nothing leaked, nothing was complained of. */
  static void assertNothingLeft(String after) {
    assertEquals("", StandIn.liveReport(), "alive after " + after);
    assertEquals("", StandIn.leakReport(), "leaked after " + after);
  }

  static void assertNoComplaint() {
    assertEquals("", StandIn.message());
  }
}
