package org.nin4j.study;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** In a process of its own, whose memory no other test has used. */
class ResourcesTest {
  /** Of what is planned: libraries' buffers. */
  private static final double SLACK = 0.3;

  @Test
  void whatIsMeasuredIsWhatWasPlanned() throws IOException, InterruptedException {
    assumeTrue(
        Files.isReadable(Path.of("/proc/self/smaps_rollup")),
        "memory is not measured: this system does not say what a process holds");
    ProcessBuilder builder =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                // A heap that neither grows nor shrinks meanwhile, wherever its pages lie.
                "-XX:+UseSerialGC",
                "-Xms256m",
                "-Xmx256m",
                "-XX:+AlwaysPreTouch",
                // The second compiler takes and frees tens of MB meanwhile.
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                ResourcesMain.class.getName())
            .redirectError(ProcessBuilder.Redirect.INHERIT);
    // As nin does: what is freed goes back to the system, and hides nothing of the second time.
    builder.environment().put("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=4194304");
    Process process = builder.start();
    String line = process.inputReader().readLine();
    assertEquals(0, process.waitFor());
    long[] numbers = Arrays.stream(line.split(" ")).mapToLong(Long::parseLong).toArray();
    assertEquals(8_042, numbers[0]);
    // Large enough to be told from what libraries and Java take meanwhile.
    assertTrue(numbers[1] > 10_000_000, line);
    assertNear(numbers[1], numbers[2]);
    assertNear(numbers[3], numbers[4]);
  }

  private static void assertNear(long planned, long measured) {
    assertTrue(
        Math.abs(measured - planned) < SLACK * planned,
        () -> measured + " bytes measured, " + planned + " planned");
  }
}
