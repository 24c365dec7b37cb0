package org.nin4j.cli.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nin4j.cli.Shell;
import org.nin4j.cli.SmallTraining;
import org.nin4j.text.Text;
import org.nin4j.train.history.History;

/**
 * A process that is told to end in the middle of training: by SIGTERM, by SIGHUP, and by Ctrl-C on
 * a terminal of its own, since a process started in the background may have been told to ignore
 * SIGINT.
 */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class InterruptionTest {
  /** 128 + 15: ended by SIGTERM. */
  private static final int TERMINATED = 143;

  @TempDir private Path folder;

  private static List<String> java() {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-cp",
        System.getProperty("java.class.path"),
        "org.nin4j.cli.Main");
  }

  @ParameterizedTest
  @CsvSource({"TERM, 143", "HUP, 129"})
  void aRunToldToEndSavesAndSaysHowToGoOn(String signal, int code)
      throws IOException, InterruptedException {
    // Under nohup, SIGHUP is ignored by all that is started, and Java leaves it so.
    List<String> command = new ArrayList<>(List.of("env", "--default-signal=" + signal));
    command.addAll(java());
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
          new ProcessBuilder("kill", "-s", signal, String.valueOf(process.pid())).start().waitFor();
          told = true;
        }
      }
    } finally {
      process.destroyForcibly();
    }
    assertEquals(code, process.waitFor(), () -> String.join("\n", lines));
    assertEquals("", Files.readString(folder.resolve("err")));
    requireGoesOn(lines.get(lines.size() - 1));
  }

  /** By the line that it ended with. */
  private void requireGoesOn(String last) throws IOException {
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

  /** On a terminal, which makes the signal of what is typed. */
  @Test
  void controlCOnATerminalSavesAndSaysHowToGoOn() throws IOException, InterruptedException {
    Assumptions.assumeTrue(
        Files.isExecutable(Path.of("/usr/bin/script")), "there is no script to make a terminal");
    List<String> command = new ArrayList<>(List.of("exec", "env", "--default-signal=INT"));
    command.addAll(java());
    command.addAll(List.of(SmallTraining.endless()));
    Process process =
        new ProcessBuilder(
                "/usr/bin/script", "-q", "-e", "-c", String.join(" ", command), "/dev/null")
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .start();
    List<String> lines = new ArrayList<>();
    try (BufferedReader out = process.inputReader();
        OutputStream keyboard = process.getOutputStream()) {
      boolean told = false;
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        lines.add(line);
        if (!told && line.contains("epoch 1/100000: ")) {
          keyboard.write(3);
          keyboard.flush();
          told = true;
        }
      }
    } finally {
      process.destroyForcibly();
    }
    assertEquals(130, process.waitFor(), () -> String.join("\n", lines));
    String last = lines.stream().filter(l -> l.contains("go on with: ")).findFirst().orElseThrow();
    requireGoesOn(last.substring(last.indexOf("stopped ")).strip());
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
            Text.of(
                "nin train: process %d is training in %s: wait for its end, or go on in a new folder with --resume %s",
                process.pid(), there, there.resolve("last.safetensors"))),
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
      // The step begins a little later: a signal before it would end the training at once.
      Duration begun = cpuTime(process);
      while (cpuTime(process).minus(begun).toSeconds() < 5) {
        Thread.sleep(100);
      }
      process.toHandle().destroy();
      assertFalse(process.waitFor(2, TimeUnit.SECONDS), "the first signal lets the step end");
      process.toHandle().destroy();
      assertTrue(process.waitFor(20, TimeUnit.SECONDS), "the second signal does not end it");
      assertEquals(TERMINATED, process.exitValue());
    } finally {
      process.destroyForcibly();
    }
  }

  private static Duration cpuTime(Process process) {
    return process.info().totalCpuDuration().orElseThrow();
  }
}
