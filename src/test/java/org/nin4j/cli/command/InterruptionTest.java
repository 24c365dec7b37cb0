package org.nin4j.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.cli.Shell;
import org.nin4j.cli.SmallTraining;
import org.nin4j.train.history.History;

/**
 * A process that is told to end in the middle of training. It is told by SIGTERM, which takes the
 * same way as Ctrl-C's SIGINT, since a process started in the background may have been told to
 * ignore the latter.
 */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class InterruptionTest {
  /** 128 + 15: ended by SIGTERM. */
  private static final int TERMINATED = 143;

  @TempDir private Path folder;

  @Test
  void aRunToldToEndSavesAndSaysHowToGoOn() throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "org.nin4j.cli.Main"));
    command.addAll(List.of(SmallTraining.endless()));
    Process process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectError(folder.resolve("err").toFile())
            .start();
    List<String> lines = new ArrayList<>();
    try (BufferedReader out = process.inputReader()) {
      boolean told = false;
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        lines.add(line);
        if (!told && line.startsWith("epoch 2/")) {
          requireLocked(process, lines);
          // The process itself would close the stream that its last line comes through.
          process.toHandle().destroy();
          told = true;
        }
      }
    } finally {
      process.destroyForcibly();
    }
    assertEquals(TERMINATED, process.waitFor(), () -> String.join("\n", lines));
    assertEquals("", Files.readString(folder.resolve("err")));
    String last = lines.get(lines.size() - 1);
    assertTrue(
        last.matches(
            "stopped (in|after) epoch .*; go on with: nin train --resume runs/\\S+ --device"
                + " reference"),
        last);
    Path run = folder.resolve(last.replaceAll(".*--resume (\\S+) .*", "$1"));
    int epochs = History.parseCsv(Files.readString(run.resolve("history.csv"))).epochs().size();
    Shell.Outcome resumed =
        new Shell(folder)
            .run(
                "train",
                "--resume",
                run.toString(),
                "--device",
                "reference",
                "--epochs",
                String.valueOf(epochs + 1));
    assertEquals(0, resumed.code(), () -> String.join("\n", resumed.err()));
    assertEquals(
        epochs + 1, History.parseCsv(Files.readString(run.resolve("history.csv"))).epochs().size());
  }

  /** While one process trains in a folder, another is refused. */
  private void requireLocked(Process process, List<String> lines) {
    String run =
        lines.stream().filter(l -> l.startsWith("run: ")).findFirst().orElseThrow().substring(5);
    Path there = folder.resolve(run);
    Shell.Outcome second =
        new Shell(folder).run("train", "--resume", there.toString(), "--device", "reference");
    assertEquals(7, second.code());
    assertEquals(
        List.of(
            "nin train: process %d is training in %s: wait for its end, or go on in a new folder with --resume %s"
                .formatted(process.pid(), there, there.resolve("last.safetensors"))),
        second.err());
  }

  /** One step of the whole network by plain loops takes minutes; only the second signal ends it. */
  @Test
  void aSecondSignalEndsTheProcessAtOnce() throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "org.nin4j.cli.Main",
                "train",
                "--device",
                "reference",
                "--dataset",
                "shapes",
                "--limit",
                "64",
                "--batch",
                "64",
                "--precision",
                "fp32")
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .start();
    try (BufferedReader out = process.inputReader()) {
      List<String> lines = new ArrayList<>();
      String line = out.readLine();
      while (line != null && !line.startsWith("run: ")) {
        lines.add(line);
        line = out.readLine();
      }
      assertNotNull(line, () -> String.join("\n", lines));
      process.toHandle().destroy();
      assertFalse(process.waitFor(2, TimeUnit.SECONDS), "the first signal lets the step end");
      process.toHandle().destroy();
      assertTrue(process.waitFor(20, TimeUnit.SECONDS), "the second signal does not end it");
      assertEquals(TERMINATED, process.exitValue());
    } finally {
      process.destroyForcibly();
    }
  }
}
