package org.nin4j.cli.command;

import java.util.concurrent.Callable;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ExitCode;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Prints a script for shells. */
@Command(
    header = "Prints a script by which bash and zsh complete commands and options.",
    description = {
      "%nRead by a shell, it completes what is typed after nin until the shell ends.",
      ""
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  ${ROOT-COMMAND-NAME} completion > ~/.local/share/bash-completion/completions/nin"
    })
public final class CompletionCommand implements Callable<Integer> {
  private final Console console;

  @Spec private CommandSpec command;

  public CompletionCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    console.out().print(AutoComplete.bash("nin", command.root().commandLine()));
    return ExitCode.OK.number();
  }
}
