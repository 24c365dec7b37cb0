package org.nin4j.cli.command;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The program in a process of its own, below a folder. */
final class NinProcess implements AutoCloseable {
  private static final int PATIENCE_SECONDS = 240;

  private final Process process;
  private final Path out;
  private final Path err;

  NinProcess(Path folder, String... arguments) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                "org.nin4j.cli.Main"));
    command.addAll(List.of(arguments));
    out = Files.createTempFile(folder, "nin", ".out");
    err = Files.createTempFile(folder, "nin", ".err");
    process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
  }

  Process process() {
    return process;
  }

  List<String> out() throws IOException {
    return Files.readAllLines(out);
  }

  List<String> err() throws IOException {
    return Files.readAllLines(err);
  }

  /** What follows the first "page: " of a whole line, once it is printed. */
  URI page() throws IOException, InterruptedException {
    long begin = System.nanoTime();
    while (true) {
      String all = text(out) + text(err);
      int at = all.indexOf("page: ");
      int end = all.indexOf('\n', Math.max(at, 0));
      if (at >= 0 && end > at) {
        return URI.create(all.substring(at + "page: ".length(), end));
      }
      assertTrue(process.isAlive(), all);
      assertTrue(System.nanoTime() - begin < PATIENCE_SECONDS * 1e9, all);
      Thread.sleep(20);
    }
  }

  /** Whatever is there, though it may end in half a character. */
  private static String text(Path file) throws IOException {
    return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
  }

  int exitCode() throws IOException, InterruptedException {
    assertTrue(
        process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS),
        () -> "it does not end: " + process.info());
    return process.exitValue();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
