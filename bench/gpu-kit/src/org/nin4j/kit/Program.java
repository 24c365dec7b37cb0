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
 * A program to be run for a limited time.
 *
 * @param words its name and arguments
 */
record Program(List<String> words) {

  /**
   * Runs it, its output to a file.
   *
   * @return its exit code; empty if it was ended after so many seconds
   * @throws IOException if it cannot be started
   */
  OptionalInt run(Path log, double seconds) throws IOException {
    Process process =
        new ProcessBuilder(words)
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .redirectInput(new File("/dev/null"))
            .start();
    try {
      if (process.waitFor((long) (seconds * 1000), TimeUnit.MILLISECONDS)) {
        return OptionalInt.of(process.exitValue());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    return OptionalInt.empty();
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
