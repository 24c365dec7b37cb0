package org.nin4j.faults;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.cli.Shell;
import org.nin4j.cli.Shell.Outcome;
import org.nin4j.cli.SmallTraining;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.run.RunCheckpoints;

/**
 * Files whose operations fail, one after the other: see {@link FailingFilesMain}. Nothing may be
 * lost, and what goes on afterwards must end with the bits of an undisturbed run.
 */
@Timeout(value = 3600, unit = TimeUnit.SECONDS)
class FailingFilesTest {
  private static final Pattern OPERATIONS = Pattern.compile("(\\d+) operations");

  @TempDir private Path folder;

  private List<String> run(String scenario, int first, int stride)
      throws IOException, InterruptedException {
    Path out = folder.resolve("out.txt");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Djava.awt.headless=true",
                // Nothing that is written needs the machine's temporary files, which may have no
                // room.
                "-Djava.io.tmpdir=" + folder.resolve("not-there"),
                "-Djava.nio.file.spi.DefaultFileSystemProvider="
                    + FaultyFileSystemProvider.class.getName(),
                "-cp",
                System.getProperty("java.class.path"),
                FailingFilesMain.class.getName(),
                folder.resolve("work").toString(),
                scenario,
                String.valueOf(first),
                String.valueOf(stride))
            .redirectErrorStream(true)
            .redirectOutput(out.toFile())
            .start();
    try {
      int code = process.waitFor();
      String told = Files.readString(out);
      assertEquals(0, code, told);
      assertFalse(told.contains("WRONG"), told);
      Matcher operations = OPERATIONS.matcher(told);
      assertTrue(operations.find() && Integer.parseInt(operations.group(1)) > 20, told);
      System.out.println(scenario + " with files that fail: " + told.replace("\n", "; "));
      return told.lines().toList();
    } finally {
      process.destroyForcibly();
    }
  }

  /** Strides that have no factor in common with what a checkpoint takes. */
  @ParameterizedTest
  @CsvSource({"train, 5, 61", "resume, 3, 83", "pictures, 2, 71", "idx, 24, 29", "export, 2, 19"})
  void someOperations(String scenario, int first, int stride)
      throws IOException, InterruptedException {
    run(scenario, first, stride);
  }

  @Tag("slow")
  @ParameterizedTest
  @ValueSource(strings = {"train", "resume", "pictures", "idx", "export"})
  void allOperations(String scenario) throws IOException, InterruptedException {
    run(scenario, 1, 1);
  }

  /** A disk of its own, in memory, where this process may mount one. */
  @Test
  void aDiskThatIsFull() throws IOException, InterruptedException {
    Path disk = Files.createDirectory(folder.resolve("disk"));
    boolean mounted =
        Files.isExecutable(Path.of("/bin/mount"))
            && run(List.of("/bin/mount", "-t", "tmpfs", "-o", "size=1800k", "none", "" + disk))
                == 0;
    if (!mounted) {
      System.out.println("This process may mount no disk: none is filled.");
    }
    Assumptions.assumeTrue(mounted, "mount");
    try {
      String[] words =
          SmallTraining.command(
              "--limit", "80", "--epochs", "3", "--seed", "3", "--threads", "1", "--out");
      Shell shell = new Shell(folder);
      Outcome begun = shell.run(with(with(words, disk.toString()), "--epochs", "1"));
      assertEquals(0, begun.code(), begun.toString());
      Path run = only(disk);
      byte[] last = Files.readAllBytes(RunCheckpoints.last(run));
      fill(disk.resolve("other"));
      String[] goOn = {"train", "--resume", "" + run, "--epochs", "3", "--device", "reference"};
      Outcome full = shell.run(goOn);
      assertEquals(7, full.code(), full.toString());
      assertEquals(1, full.err().size(), full.toString());
      assertTrue(full.err().get(0).contains("there is no room for the run"), full.toString());
      assertArrayEquals(last, Files.readAllBytes(RunCheckpoints.last(run)));
      Checkpoint.read(RunCheckpoints.best(run));
      try (Stream<Path> files = Files.list(run)) {
        assertTrue(files.noneMatch(f -> f.toString().endsWith(".part")));
      }
      Files.delete(disk.resolve("other"));
      Outcome again = shell.run(goOn);
      assertEquals(0, again.code(), again.toString());
    } finally {
      assertEquals(0, run(List.of("/bin/umount", disk.toString())));
    }
  }

  private static void fill(Path file) throws IOException {
    byte[] block = new byte[4096];
    try (var out = Files.newOutputStream(file)) {
      while (true) {
        out.write(block);
      }
    } catch (IOException full) {
      assertTrue(full.getMessage().contains("No space"), full.getMessage());
    }
  }

  private static Path only(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.findFirst().orElseThrow();
    }
  }

  private static String[] with(String[] words, String... more) {
    return Stream.concat(Stream.of(words), Stream.of(more)).toArray(String[]::new);
  }

  private static int run(List<String> command) throws IOException, InterruptedException {
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start()
        .waitFor();
  }
}
