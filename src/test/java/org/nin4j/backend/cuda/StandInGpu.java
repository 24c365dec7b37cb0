package org.nin4j.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.nin4j.backend.CudaOptions;
import org.nin4j.standin.StandIn;

/** The backend on the CUDA stand-in. */
public final class StandInGpu {
  private StandInGpu() {}

  /** Kernels and algorithms from the tests' cache; a warning is a failure. */
  public static CudaOptions options() {
    return CudaOptions.STANDARD
        .withLibraries(List.of(StandIn.libraries()))
        .withCache(cache())
        // No clock of the stand-in rises.
        .withWarmUpMillis(0)
        .withWarnings(
            warning -> {
              throw new AssertionError(warning);
            });
  }

  /** Kept between test runs, since g++ takes seconds for a kernel file; new for a new stand-in. */
  public static Path cache() {
    try {
      long built = 0;
      for (String library : List.of("libcuda.so.1", "libnvrtc.so.12")) {
        Path file = StandIn.libraries().resolve(library);
        built = Math.max(built, Files.getLastModifiedTime(file).toMillis());
      }
      return StandIn.libraries().resolveSibling("cache").resolve(Long.toHexString(built));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Puts the kernels that are compiled by now into a cache of a test's own. */
  public static void copyKernels(Path cache) throws IOException {
    Path kernels = Files.createDirectory(cache.resolve("kernels"));
    try (Stream<Path> compiled = Files.list(cache().resolve("kernels"))) {
      for (Path kernel : compiled.toList()) {
        Files.copy(kernel, kernels.resolve(kernel.getFileName()));
      }
    }
  }

  /** Empties a cache of chosen algorithms and of plans. */
  public static void forgetAlgorithms(Path cache) throws IOException {
    forget(cache, "algorithms");
    forget(cache, "plans");
  }

  /** Empties a cache of what is of one kind. */
  public static void forget(Path cache, String kind) throws IOException {
    Path kept = cache.resolve(kind);
    if (Files.exists(kept)) {
      try (Stream<Path> files = Files.list(kept)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
    }
  }

  public static CudaBackend open() {
    return CudaBackend.open(0, options());
  }

  /** After everything was closed: nothing is alive, nothing leaked, nothing was complained of. */
  public static void assertNothingLeft(String after) {
    assertEquals("", StandIn.liveReport(), "alive after " + after);
    assertEquals("", StandIn.leakReport(), "leaked after " + after);
  }

  public static void assertNoComplaint() {
    assertEquals("", StandIn.message());
  }
}
