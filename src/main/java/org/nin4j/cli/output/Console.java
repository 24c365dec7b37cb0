package org.nin4j.cli.output;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.OptionalInt;
import org.nin4j.data.published.Downloader;

/**
 * What a command sees of the world outside.
 *
 * @param in what is piped into the command
 * @param out results and what goes on
 * @param err errors, and the progress bar
 * @param terminal whether {@code err} is a terminal, where a progress bar can be drawn
 * @param environment the process's environment variables
 * @param home the user's home folder
 * @param downloader gets data sets
 */
public record Console(
    InputStream in,
    PrintStream out,
    PrintStream err,
    boolean terminal,
    Map<String, String> environment,
    Path home,
    Downloader downloader) {
  static final int DEFAULT_COLUMNS = 80;
  private static final int LEAST_COLUMNS = 40;
  private static final Duration PATIENCE = Duration.ofSeconds(15);

  /** This process's own. */
  public static Console system() {
    return new Console(
        System.in,
        utf8(FileDescriptor.out),
        utf8(FileDescriptor.err),
        errorIsTerminal(),
        System.getenv(),
        Path.of(System.getProperty("user.home")),
        new Downloader(PATIENCE));
  }

  /** System.out would turn × into ? wherever no locale is set. */
  private static PrintStream utf8(FileDescriptor descriptor) {
    return new PrintStream(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
  }

  /**
   * Columns that a progress bar may take; empty where plain lines do better: there is no terminal,
   * it cannot go back to the start of a line, or it is too narrow. The launcher says how wide the
   * terminal is; the bar's own way to find out would take over the signals of the process, and with
   * them Ctrl-C.
   */
  OptionalInt barWidth() {
    String columns = environment.getOrDefault("COLUMNS", "");
    int width = columns.matches("[1-9]\\d{0,3}") ? Integer.parseInt(columns) : DEFAULT_COLUMNS;
    boolean drawn = terminal && width >= LEAST_COLUMNS && !"dumb".equals(environment.get("TERM"));
    // The last column stays free: some terminals begin a new line once it is written to.
    return drawn ? OptionalInt.of(width - 1) : OptionalInt.empty();
  }

  /** The same without results and progress: errors are told all the same. */
  public Console quietly() {
    PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream());
    return new Console(in, nowhere, err, false, environment, home, downloader);
  }

  /** The same with everything where errors are told, and without a progress bar. */
  public Console toErrors() {
    return new Console(in, err, err, false, environment, home, downloader);
  }

  /** Whether all that was printed so far has been taken, by a file for example. */
  public boolean printed() {
    return !out.checkError();
  }

  /** Java can only say whether input and output both are terminals; Linux says more. */
  private static boolean errorIsTerminal() {
    try {
      String device = Files.readSymbolicLink(Path.of("/proc/self/fd/2")).toString();
      return device.startsWith("/dev/pts/") || device.startsWith("/dev/tty");
    } catch (IOException | UnsupportedOperationException e) {
      return System.console() != null;
    }
  }
}
