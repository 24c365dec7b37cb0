package org.nin4j.backend.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.cli.Shell;
import org.nin4j.cli.SmallTraining;
import org.nin4j.train.run.RecordedRun;
import org.nin4j.train.run.RunCheckpoints;

/**
 * What the CPU backend takes outside of Java's heap it gives back: see {@link NativeMemoryMain}.
 */
@Timeout(value = 1800, unit = TimeUnit.SECONDS)
class NativeMemoryTest {
  /** What malloc, the compiler and threads may take meanwhile. */
  private static final long LEVEL = 12 << 20;

  /** Of glibc, since 2.34 apart. */
  private static final String MALLOC_DEBUG = "libc_malloc_debug.so.0";

  @TempDir private Path folder;

  @BeforeEach
  void requireFigures() {
    boolean said = Files.isReadable(Path.of("/proc/self/smaps_rollup"));
    if (!said) {
      System.out.println(
          "This system does not say what a process holds: leaks are not looked for.");
    }
    Assumptions.assumeTrue(said, "smaps_rollup");
  }

  private long grown(Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                // A heap that neither grows nor shrinks meanwhile, and one compiler alone.
                "-XX:+UseSerialGC",
                "-Xms128m",
                "-Xmx128m",
                "-XX:+AlwaysPreTouch",
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                NativeMemoryMain.class.getName()));
    command.addAll(List.of(arguments));
    Path err = folder.resolve("err.txt");
    ProcessBuilder builder = new ProcessBuilder(command).redirectError(err.toFile());
    builder.environment().putAll(environment);
    Process process = builder.start();
    try {
      String line = process.inputReader().readLine();
      assertEquals(0, process.waitFor(), () -> text(err));
      long grown = Long.parseLong(line);
      System.out.printf("%s %s: %,d bytes more%n", environment, List.of(arguments), grown);
      return grown;
    } finally {
      process.destroyForcibly();
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  private void assertLevel(long grown) {
    assertTrue(grown < LEVEL, () -> "%,d bytes more".formatted(grown));
  }

  @Test
  void aHundredSessionsLeaveNothing() throws IOException, InterruptedException {
    assertLevel(grown(Map.of(), "sessions", "100"));
  }

  /** Else the test above could not fail. */
  @Test
  void sessionsThatAreNotClosedAreSeen() throws IOException, InterruptedException {
    long grown = grown(Map.of(), "kept", "20");
    assertFalse(grown < LEVEL, () -> "only %,d bytes more".formatted(grown));
  }

  /** A few; {@link #aThousandClassifiersLeaveNothing} is the whole. */
  @Test
  void classifiersLeaveNothing() throws IOException, InterruptedException {
    assertLevel(grown(Map.of(), "classifiers", "100", checkpoint().toString()));
  }

  @Tag("slow")
  @Test
  void aThousandClassifiersLeaveNothing() throws IOException, InterruptedException {
    assertLevel(grown(Map.of(), "classifiers", "1000", checkpoint().toString()));
  }

  /** glibc then fills what is freed, and ends the process where it is freed twice or overrun. */
  @Tag("slow")
  @Test
  void mallocFindsNothingWrong() throws IOException, InterruptedException {
    boolean debugs =
        Stream.of("/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib/aarch64-linux-gnu")
            .anyMatch(place -> Files.exists(Path.of(place, MALLOC_DEBUG)));
    if (!debugs) {
      System.out.println("There is no " + MALLOC_DEBUG + ": malloc checks nothing.");
    }
    Assumptions.assumeTrue(debugs, MALLOC_DEBUG);
    Map<String, String> checks =
        Map.of(
            "MALLOC_CHECK_", "3",
            "MALLOC_PERTURB_", "165",
            "GLIBC_TUNABLES", "glibc.malloc.check=3:glibc.malloc.perturb=165",
            "LD_PRELOAD", MALLOC_DEBUG);
    grown(checks, "sessions", "20");
    grown(checks, "classifiers", "20", checkpoint().toString());
  }

  private Path checkpoint() {
    Shell.Outcome outcome =
        new Shell(folder)
            .run(
                SmallTraining.command(
                    "--limit", "40", "--epochs", "1", "--out", folder.resolve("runs").toString()));
    assertEquals(0, outcome.code(), outcome::toString);
    return RunCheckpoints.last(RecordedRun.foldersIn(folder.resolve("runs")).get(0));
  }
}
