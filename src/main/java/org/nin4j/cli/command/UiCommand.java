package org.nin4j.cli.command;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.nin4j.cli.option.PageOption;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.page.PageServer;
import org.nin4j.train.run.RecordedRun;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** Shows runs on a page. */
@Command(
    header = "Shows the runs of a folder on a page in the browser, to compare them.",
    description = {
      "%nPrints the page's address, which is for this machine alone, and serves it until Ctrl-C."
          + " Runs that go on grow on it after each epoch. A training's own page, with its steps,"
          + " is that of train --ui.",
      ""
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  ${ROOT-COMMAND-NAME} ui",
      "  ${ROOT-COMMAND-NAME} ui studies/one-by-ones/runs --port 9000"
    })
public final class UiCommand implements Callable<Integer> {
  private final Console console;

  @Spec private CommandSpec command;

  @Parameters(
      paramLabel = "DIR",
      arity = "0..1",
      description = "A folder of runs, or a run's folder. Default: " + Runs.FOLDER + ".")
  private Path folder = Path.of(Runs.FOLDER);

  @Option(
      names = "--port",
      paramLabel = "PORT",
      description =
          "Where the page is; 0 for any port that is free. Default: "
              + PageOption.USUAL_PORT
              + ", or any if that is in use.")
  private Optional<String> port = Optional.empty();

  public UiCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    OptionalInt named = named();
    RecordedRun.foldersIn(folder); // Fails here where there is no such folder.
    try (PageServer page =
        PageOption.open(named, "--port", Optional.empty(), folder, console.err()::println)) {
      console.out().println("page: " + page.address());
      new CountDownLatch(1).await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return ExitCode.OK.number();
  }

  private OptionalInt named() {
    try {
      return port.map(PageOption::port).map(OptionalInt::of).orElse(OptionalInt.empty());
    } catch (TypeConversionException e) {
      throw new ParameterException(command.commandLine(), "--port: " + e.getMessage());
    }
  }
}
