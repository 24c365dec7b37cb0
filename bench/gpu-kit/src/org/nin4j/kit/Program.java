package org.nin4j.kit;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;

/**
 * A program to be run for a limited time. It ends with this process, unless that is killed.
 *
 * @param words its name and arguments
 */
record Program(List<String> words) {
  private static final long LOOK_MILLISECONDS = 250;

  /**
   * Runs it, its output to the end of a file.
   *
   * @return its exit code; empty if it was ended after the given number of seconds
   * @throws IOException if it cannot be started
   */
  OptionalInt run(Path log, double seconds) throws IOException {
    return run(log, seconds, () -> {});
  }

  /**
   * The same.
   *
   * @param meanwhile done again and again until it has ended
   */
  OptionalInt run(Path log, double seconds, Runnable meanwhile) throws IOException {
    Process process =
        new ProcessBuilder(words)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
            .redirectInput(new File("/dev/null"))
            .start();
    Thread end = new Thread(() -> kill(process));
    Runtime.getRuntime().addShutdownHook(end);
    long deadline = System.nanoTime() + (long) (seconds * 1e9);
    try {
      while (System.nanoTime() < deadline) {
        if (process.waitFor(LOOK_MILLISECONDS, TimeUnit.MILLISECONDS)) {
          return OptionalInt.of(process.exitValue());
        }
        meanwhile.run();
      }
      return OptionalInt.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return OptionalInt.empty();
    } finally {
      kill(process);
      Runtime.getRuntime().removeShutdownHook(end);
    }
  }

  private static void kill(Process process) {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }

  /** What it prints; empty if it cannot be run, fails, or takes longer. */
  Optional<String> output(double seconds) throws IOException {
    Path log = Files.createTempFile("nin4j-kit", ".txt");
    try {
      OptionalInt code = run(log, seconds);
      return code.isPresent() && code.getAsInt() == 0
          ? Optional.of(Files.readString(log, StandardCharsets.UTF_8).strip())
          : Optional.empty();
    } catch (IOException notThere) {
      return Optional.empty();
    } finally {
      Files.delete(log);
    }
  }
}
