package org.nin4j.cli.option;

import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
import org.nin4j.page.LiveRun;
import org.nin4j.page.PageServer;
import org.nin4j.text.Text;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** Whether a training has a page, and where pages are. */
public final class PageOption {
  /** Tried first, so that a tunnel to another machine can be made before: 224 × 224 pixels. */
  public static final int USUAL_PORT = 8224;

  private static final int LAST_PORT = 65_535;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--ui",
      arity = "0..1",
      paramLabel = "PORT",
      fallbackValue = "",
      description =
          "Show how it goes on a page in the browser, with buttons to pause and to stop, at an"
              + " address for this machine alone, which is printed. Without a port it is "
              + USUAL_PORT
              + " or any that is free. Default: no page.")
  private Optional<String> ui = Optional.empty();

  /** Whether there is one. */
  public boolean given() {
    return ui.isPresent();
  }

  /** The port that was named. */
  public OptionalInt port() {
    try {
      return ui.map(PageOption::named).orElse(OptionalInt.empty());
    } catch (TypeConversionException e) {
      throw new ParameterException(command.commandLine(), "--ui: " + e.getMessage());
    }
  }

  private static OptionalInt named(String text) {
    return text.isEmpty() ? OptionalInt.empty() : OptionalInt.of(port(text));
  }

  /** Reads a port; 0 is any that is free. */
  public static int port(String text) {
    int port = NumberOptions.whole(text);
    if (port < 0 || port > LAST_PORT) {
      throw new TypeConversionException(
          Text.of("a port is from 0, which is any that is free, to %d, not %s", LAST_PORT, text));
    }
    return port;
  }

  /**
   * Begins to serve a page.
   *
   * @param port that was named; if none, the usual or any
   * @param option that names one, for people
   * @throws UncheckedIOException if the named port cannot be had
   */
  public static PageServer open(
      OptionalInt port,
      String option,
      Optional<LiveRun> live,
      Path runs,
      Consumer<String> remarks) {
    try {
      return PageServer.open(port.orElse(USUAL_PORT), live, runs, remarks);
    } catch (PageServer.PortException e) {
      if (port.isEmpty()) {
        return PageServer.open(0, live, runs, remarks);
      }
      throw new UncheckedIOException(
          Text.of("%s; name another with %s, or 0 for any that is free", e.getMessage(), option),
          e.getCause());
    }
  }
}
