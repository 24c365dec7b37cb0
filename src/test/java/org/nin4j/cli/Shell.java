package org.nin4j.cli;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.nin4j.data.Downloader;

/** Runs commands in this process. */
final class Shell {
  private final Path home;
  private final Map<String, String> environment;

  /** A shell whose commands keep their files in a folder and have no network. */
  Shell(Path home) {
    this(
        home,
        Map.of(
            "NIN4J_CACHE", home.resolve("cache").toString(),
            "XDG_DATA_DIRS", home.resolve("share").toString()));
  }

  private Shell(Path home, Map<String, String> environment) {
    this.home = home;
    this.environment = environment;
  }

  /** The same with one more environment variable. */
  Shell with(String variable, String value) {
    Map<String, String> more = new HashMap<>(environment);
    more.put(variable, value);
    return new Shell(home, Map.copyOf(more));
  }

  /** What a command left behind. */
  record Outcome(int code, List<String> out, List<String> err) {
    String text() {
      return String.join("\n", out);
    }
  }

  /** Runs a command whose output goes to files. */
  Outcome run(String... arguments) {
    return run(false, arguments);
  }

  /** Runs a command that believes its errors to go to a terminal. */
  Outcome runOnTerminal(String... arguments) {
    return run(true, arguments);
  }

  private Outcome run(boolean terminal, String... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Console console =
        new Console(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            terminal,
            environment,
            home,
            // No server answers within this time.
            new Downloader(Duration.ofNanos(1)));
    int code = Main.run(console, arguments);
    return new Outcome(code, lines(out), lines(err));
  }

  private static List<String> lines(ByteArrayOutputStream bytes) {
    return bytes.toString(StandardCharsets.UTF_8).lines().toList();
  }
}
