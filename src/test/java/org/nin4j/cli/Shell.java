package org.nin4j.cli;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.nin4j.cli.output.Console;
import org.nin4j.data.published.Downloader;

/** Runs commands in this process. */
public final class Shell {
  private final Path home;
  private final Map<String, String> environment;
  private final byte[] input;

  /** A shell whose commands keep their files in a folder and have no network. */
  public Shell(Path home) {
    this(
        home,
        Map.of(
            "NIN4J_CACHE", home.resolve("cache").toString(),
            "XDG_DATA_DIRS", home.resolve("share").toString()),
        new byte[0]);
  }

  private Shell(Path home, Map<String, String> environment, byte[] input) {
    this.home = home;
    this.environment = environment;
    this.input = input;
  }

  /** The same with something piped into its commands. */
  public Shell withInput(byte[] bytes) {
    return new Shell(home, environment, bytes.clone());
  }

  /** The same with one more environment variable. */
  public Shell with(String variable, String value) {
    Map<String, String> more = new HashMap<>(environment);
    more.put(variable, value);
    return new Shell(home, Map.copyOf(more), input);
  }

  /** What a command left behind. */
  public record Outcome(int code, List<String> out, List<String> err) {
    public String text() {
      return String.join("\n", out);
    }
  }

  /** Runs a command whose output goes to files. */
  public Outcome run(String... arguments) {
    return run(false, arguments);
  }

  /** Runs a command that believes its errors to go to a terminal. */
  public Outcome runOnTerminal(String... arguments) {
    return run(true, arguments);
  }

  /** Runs a command whose output goes to a full disk. */
  public Outcome runOnFullDisk(String... arguments) {
    OutputStream full =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException("No space left on device");
          }
        };
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int code = run(full, err, false, arguments);
    return new Outcome(code, List.of(), lines(err));
  }

  private Outcome run(boolean terminal, String... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int code = run(out, err, terminal, arguments);
    return new Outcome(code, lines(out), lines(err));
  }

  private int run(OutputStream out, OutputStream err, boolean terminal, String... arguments) {
    Console console =
        new Console(
            new ByteArrayInputStream(input),
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            terminal,
            environment,
            home,
            // No server answers within this time.
            new Downloader(Duration.ofNanos(1)));
    return Main.run(console, arguments);
  }

  private static List<String> lines(ByteArrayOutputStream bytes) {
    return bytes.toString(StandardCharsets.UTF_8).lines().toList();
  }
}
