package org.nin4j.standin;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;

/**
 * The controls of the CUDA stand-in in {@code src/test/native}; {@code stand_in.h} there says more
 * of each.
 *
 * <p>A test begins with {@link #assumeAvailable()}, which builds the libraries, loads these
 * controls and puts the stand-in back to its beginning. The libraries themselves are then found in
 * {@link #libraries()}.
 */
public final class StandIn {
  private static final Path ROOT = Path.of(System.getProperty("basedir", "")).toAbsolutePath();
  private static final Path FOLDER = ROOT.resolve("target/stand-in");

  private StandIn() {}

  /** Built and loaded once; holds why there is none. */
  private static final class Holder {
    static final Optional<String> OBSTACLE = prepare();

    private static Optional<String> prepare() {
      try {
        for (String tool : new String[] {"g++", "make", "objdump"}) {
          if (run(tool, "--version").isEmpty()) {
            return Optional.of(tool + " is not installed");
          }
        }
        Files.createDirectories(FOLDER);
        Optional<String> built;
        try (FileChannel channel =
                FileChannel.open(
                    FOLDER.resolve("build.lock"),
                    StandardOpenOption.CREATE,
                    StandardOpenOption.WRITE);
            FileLock lock = channel.lock()) {
          built = run("make", "-s", "-j2", "-C", ROOT.resolve("src/test/native").toString());
        }
        if (built.isEmpty()) {
          throw new AssertionError("the CUDA stand-in does not build: make -C src/test/native");
        }
        Path control = libraries().resolve("libstandin_control.so");
        if (!Files.exists(control)) {
          return Optional.of("there is no jni.h");
        }
        System.load(control.toString());
        return Optional.empty();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** What a command prints; empty if it cannot be run or fails. */
    private static Optional<String> run(String... command) throws IOException {
      try {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() == 0) {
          return Optional.of(output);
        }
        System.out.println(output);
      } catch (IOException notThere) {
        return Optional.empty();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return Optional.empty();
    }
  }

  /**
   * Skips the calling test, with a printed reason, where the stand-in cannot be built; resets it.
   */
  public static void assumeAvailable() {
    Holder.OBSTACLE.ifPresent(
        reason -> {
          System.out.println("skipped, for want of the CUDA stand-in: " + reason);
          Assumptions.abort(reason);
        });
    reset();
  }

  /** The folder with libcuda.so.1, libnvrtc.so.12, libcublas.so.12 and libcudnn.so.9. */
  public static Path libraries() {
    return FOLDER.resolve("lib");
  }

  /**
   * As just after loading: nothing alive, nothing planned, nothing counted, settings at default.
   */
  public static void reset() {
    resetNative();
  }

  /**
   * Turns a setting, such as {@code lazy}, {@code order}, {@code memory}.
   *
   * @throws IllegalArgumentException if there is no such setting or value
   */
  public static void set(String name, Object value) {
    if (setNative(name, value.toString()) != 0) {
      throw new IllegalArgumentException(name + " = " + value);
    }
  }

  /** Calls of API functions since the reset. */
  public static long calls() {
    return callsNative();
  }

  /** Calls of one function, named without a version suffix: {@code cuMemAlloc}. */
  public static long calls(String function) {
    return callsOfNative(function);
  }

  /** The n-th call of the function from now, 1 for the next, fails with a code usual for it. */
  public static void fail(String function, long n) {
    failNative(function, n, 0);
  }

  /** The n-th call of the function from now, 1 for the next, returns this code. */
  public static void fail(String function, long n, int code) {
    failNative(function, n, code);
  }

  /** The n-th call of any function from now fails. */
  public static void failAt(long n) {
    failAtNative(n);
  }

  /** From the n-th call on the device is gone. */
  public static void loseDeviceAt(long n) {
    loseDeviceAtNative(n);
  }

  /** The function that failed last because it was told to; empty if none did. */
  public static String failedFunction() {
    return failedFunctionNative();
  }

  /** Resources of a kind that are alive, such as {@code device memory}; of all kinds for "". */
  public static long live(String kind) {
    return liveNative(kind);
  }

  /** Resources of a kind that were alive when their context ended; of all kinds for "". */
  public static long leaked(String kind) {
    return leakedNative(kind);
  }

  /** All that is alive, as "2 stream, 1 event"; empty if nothing is. */
  public static String liveReport() {
    return liveReportNative();
  }

  /** All that leaked; empty if nothing did. */
  public static String leakReport() {
    return leakReportNative();
  }

  /** Bytes of device memory in use. */
  public static long memoryUsed() {
    return memoryUsedNative();
  }

  /** The most bytes of device memory that were in use since the reset. */
  public static long memoryPeak() {
    return memoryPeakNative();
  }

  /** The last diagnostic; empty if there was none since the reset. */
  public static String message() {
    return messageNative();
  }

  private static native void resetNative();

  private static native int setNative(String name, String value);

  private static native long callsNative();

  private static native long callsOfNative(String function);

  private static native void failNative(String function, long n, int code);

  private static native void failAtNative(long n);

  private static native void loseDeviceAtNative(long n);

  private static native String failedFunctionNative();

  private static native long liveNative(String kind);

  private static native long leakedNative(String kind);

  private static native String liveReportNative();

  private static native String leakReportNative();

  private static native long memoryUsedNative();

  private static native long memoryPeakNative();

  private static native String messageNative();
}
