package org.nin4j.cli.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nin4j.cli.Shell;
import org.nin4j.cli.SmallTraining;

class ProgressLineTest {
  @TempDir private Path folder;

  @Test
  void theLongestMessageThatLeavesABarIsTaken() {
    List<String> messages = List.of("loss 1.0000, speed", "loss 1.0000", "");
    assertEquals(
        "epoch 1/2  50 % │█████     │ loss 1.0000, speed",
        ProgressLine.of("epoch 1/2", 0.5, messages, 47));
    assertEquals(
        "epoch 1/2  50 % │███   │ loss 1.0000, speed",
        ProgressLine.of("epoch 1/2", 0.5, messages, 43));
    assertEquals(
        "epoch 1/2  50 % │██████      │ loss 1.0000",
        ProgressLine.of("epoch 1/2", 0.5, messages, 42));
    assertEquals(
        "epoch 1/2  54 % │███▏  │", ProgressLine.of("epoch 1/2", 0.54, List.of("much", ""), 24));
    assertEquals("epoch 1/2  50 %  ", ProgressLine.of("epoch 1/2", 0.5, messages, 17));
    assertEquals("epoch 1/", ProgressLine.of("epoch 1/2", 0.5, messages, 8));
  }

  @Test
  void everyLineIsAsLongAsTheTerminalAllows() {
    List<String> messages = List.of("a long message", "short", "");
    for (int columns = 1; columns < 120; columns++) {
      for (int percent = 0; percent <= 100; percent++) {
        String line = ProgressLine.of("epoch 10/10", percent / 100.0, messages, columns);
        assertEquals(columns, line.length(), line);
      }
    }
  }

  @Test
  void timeLeftIsWhatTheRestTakesAtThisPace() {
    assertEquals("", ProgressLine.timeLeft(Duration.ofSeconds(9), 0));
    assertEquals("0:30 left", ProgressLine.timeLeft(Duration.ofSeconds(10), 0.25));
    assertEquals("1:05 left", ProgressLine.timeLeft(Duration.ofSeconds(65), 0.5));
    assertEquals("2:00:01 left", ProgressLine.timeLeft(Duration.ofSeconds(7201), 0.5));
    assertEquals("0:00 left", ProgressLine.timeLeft(Duration.ofSeconds(7), 1));
  }

  private Shell.Outcome train(String columns, String terminal) {
    return new Shell(folder)
        .with("COLUMNS", columns)
        .with("TERM", terminal)
        .runOnTerminal(
            SmallTraining.command(
                "--recipe",
                "d2l",
                "--limit",
                "40",
                "--epochs",
                "1",
                "--out",
                folder.resolve("runs").toString()));
  }

  /** Nothing of what an 80-column line says is cut, and no line is wider than its terminal. */
  @ParameterizedTest
  @CsvSource({
    "200, 'loss [0-9.]+, accuracy [0-9.]+, [0-9.,]+ images/s(, [0-9:]+ left)?'",
    "80, 'loss [0-9.]+, (accuracy|acc\\.) [0-9.]+, [0-9.,]+ images/s(, [0-9:]+ left)?'",
    "60, 'loss [0-9.]+, (accuracy|acc\\.) [0-9.]+(, [0-9.,]+ images/s|, [0-9:]+ left)?'",
    "40, 'loss [0-9.]+|'"
  })
  void aTerminalIsFilledAndNotOverrun(int columns, String message) {
    Shell.Outcome outcome = train(String.valueOf(columns), "xterm");
    assertEquals(0, outcome.code(), () -> String.join("\n", outcome.err()));
    List<String> drawn =
        outcome.err().stream()
            .flatMap(line -> Stream.of(line.split("\r")))
            .filter(line -> line.contains("│"))
            .toList();
    assertTrue(drawn.stream().anyMatch(l -> l.startsWith("epoch 1/1 ")), drawn::toString);
    for (String line : drawn) {
      assertEquals(columns - 1, line.stripTrailing().length(), line);
      assertTrue(line.matches("(epoch|testing) 1/1 .* │[█▏▎▍▌▋▊▉ ]{6,}│ ?(" + message + ")"), line);
    }
  }

  @ParameterizedTest
  @CsvSource({"39, xterm", "80, dumb"})
  void plainLinesWhereNoBarFits(String columns, String terminal) {
    Shell.Outcome outcome = train(columns, terminal);
    assertEquals(0, outcome.code());
    assertEquals(List.of(), outcome.err());
    assertTrue(
        outcome.out().stream().anyMatch(l -> l.startsWith("epoch 1/1: train loss")), outcome::text);
  }
}
