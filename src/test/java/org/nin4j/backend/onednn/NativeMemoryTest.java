package org.nin4j.backend.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.cli.Shell;
import org.nin4j.cli.SmallTraining;
import org.nin4j.text.Text;
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

  private static final Pattern CALLER = Pattern.compile("(?m)^ *#[12] .*dnnl");

  /** The exit code that the sanitizer is asked for where it finds something. */
  private static final int LEAKS = 23;

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
    Ended ended = run(environment, arguments);
    assertEquals(0, ended.code(), ended::errors);
    System.out.printf(
        Locale.ROOT, "%s %s: %,d bytes more%n", environment, List.of(arguments), ended.grown());
    return ended.grown();
  }

  private record Ended(int code, long grown, String errors) {}

  private Ended run(Map<String, String> environment, String... arguments)
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
                // Where malloc watches, JavaCPP frees nothing that we have not closed.
                "-Dorg.bytedeco.javacpp.nopointergc=" + !environment.isEmpty(),
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
      int code = process.waitFor();
      return new Ended(code, line == null ? 0 : Long.parseLong(line), Files.readString(err));
    } finally {
      process.destroyForcibly();
    }
  }

  private void assertLevel(long grown) {
    assertTrue(grown < LEVEL, () -> Text.of("%,d bytes more", grown));
  }

  @Test
  void aHundredSessionsLeaveNothing() throws IOException, InterruptedException {
    assertLevel(grown(Map.of(), "sessions", "100"));
  }

  /** Else the test above could not fail. */
  @Test
  void sessionsThatAreNotClosedAreSeen() throws IOException, InterruptedException {
    long grown = grown(Map.of(), "kept", "20");
    assertFalse(grown < LEVEL, () -> Text.of("only %,d bytes more", grown));
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
    Map<String, String> checks = new HashMap<>();
    checks.put("MALLOC_CHECK_", "3");
    checks.put("MALLOC_PERTURB_", "165");
    checks.put("GLIBC_TUNABLES", "glibc.malloc.check=3:glibc.malloc.perturb=165");
    checks.put("LD_PRELOAD", library(MALLOC_DEBUG));
    grown(checks, "sessions", "20");
    grown(checks, "classifiers", "20", checkpoint().toString());
  }

  /**
   * What is freed twice, or was never allocated, and every copy from or to what is freed or
   * another's. The signals are Java's, and leaks the next tests'.
   */
  @Tag("slow")
  @Test
  void addressSanitizerFindsNothingWrong() throws IOException, InterruptedException {
    Map<String, String> checks = new HashMap<>();
    checks.put("LD_PRELOAD", library("libasan.so."));
    checks.put(
        "ASAN_OPTIONS",
        "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:detect_leaks=0");
    grown(checks, "sessions", "20");
    grown(checks, "classifiers", "20", checkpoint().toString());
  }

  @Tag("slow")
  @Test
  void aHundredSessionsAndClassifiersLeaveNoBlockThatNobodyPointsAt()
      throws IOException, InterruptedException {
    assertEquals(List.of(), leaks("sessions", "100"));
    assertEquals(List.of(), leaks("classifiers", "100", checkpoint().toString()));
  }

  /** Else the test above could not fail. */
  @Tag("slow")
  @Test
  void sessionsThatAreLostAreSeen() throws IOException, InterruptedException {
    assertFalse(leaks("lost", "5").isEmpty());
  }

  /**
   * The blocks that at the end nothing outside of Java's heap points at, of those that oneDNN or
   * its binding has allocated. Java itself leaves some, which are not ours. JavaCPP frees nothing
   * by itself here: everything has to be closed.
   */
  private List<String> leaks(String... arguments) throws IOException, InterruptedException {
    Map<String, String> checks = new HashMap<>();
    checks.put("LD_PRELOAD", library("liblsan.so."));
    checks.put("LSAN_OPTIONS", "exitcode=" + LEAKS);
    Ended ended = run(checks, arguments);
    if (ended.errors().contains("LeakSanitizer has encountered a fatal error")) {
      System.out.println("LeakSanitizer may not stop a process here: it looks for no leaks.");
      Assumptions.abort("LeakSanitizer");
    }
    // Java's own blocks, and with them the proof that the sanitizer was at work.
    assertEquals(LEAKS, ended.code(), ended::errors);
    List<String> leaks =
        Stream.of(ended.errors().split("\n\n"))
            .filter(block -> block.contains(" leak of "))
            // #0 is the sanitizer's malloc; who called it is #1, or #2 by way of the C++ library.
            .filter(block -> CALLER.matcher(block).find())
            .toList();
    System.out.printf(Locale.ROOT, "%s %s: %d leaks%n", checks, List.of(arguments), leaks.size());
    return leaks;
  }

  /** A library to load before all others, by the beginning of its name. */
  private static String library(String name) throws IOException {
    for (String place :
        List.of("/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib/aarch64-linux-gnu")) {
      Path folder = Path.of(place);
      if (!Files.isDirectory(folder)) {
        continue;
      }
      try (Stream<Path> files = Files.list(folder)) {
        Optional<Path> library =
            files.filter(file -> file.getFileName().toString().startsWith(name)).findFirst();
        if (library.isPresent()) {
          return library.get().toString();
        }
      }
    }
    System.out.println("There is no " + name + ": it checks nothing.");
    return Assumptions.abort(name);
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
