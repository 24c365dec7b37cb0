package org.nin4j.cli;

import java.io.PrintWriter;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.nin4j.backend.CudaOptions;
import org.nin4j.cli.command.CompletionCommand;
import org.nin4j.cli.command.DataCommand;
import org.nin4j.cli.command.DoctorCommand;
import org.nin4j.cli.command.EvaluateCommand;
import org.nin4j.cli.command.ExportCommand;
import org.nin4j.cli.command.ImportCommand;
import org.nin4j.cli.command.ModelsCommand;
import org.nin4j.cli.command.PlanCommand;
import org.nin4j.cli.command.PredictCommand;
import org.nin4j.cli.command.ProfileCommand;
import org.nin4j.cli.command.RunsCommand;
import org.nin4j.cli.command.ShowCommand;
import org.nin4j.cli.command.StudyCommand;
import org.nin4j.cli.command.SummaryCommand;
import org.nin4j.cli.command.TrainCommand;
import org.nin4j.cli.command.UiCommand;
import org.nin4j.cli.option.Converters;
import org.nin4j.cli.option.RecipeDefaults;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.cli.output.Failures;
import org.nin4j.cli.output.ProgramVersion;
import org.nin4j.cli.output.ShellWords;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** The program {@code nin}. */
@Command(
    name = "nin",
    description = "Trains and runs convolutional networks, Network in Network first.",
    synopsisSubcommandLabel = "COMMAND",
    commandListHeading = "%nCommands:%n",
    optionListHeading = "%nOptions:%n",
    exitCodeListHeading = "%nExit codes:%n",
    footer = {
      "",
      "Examples:",
      "  ${ROOT-COMMAND-NAME} train",
      "  ${ROOT-COMMAND-NAME} predict shirt.png",
      "  ${ROOT-COMMAND-NAME} summary",
      "  ${ROOT-COMMAND-NAME} train --help"
    })
public final class Main implements Runnable {
  /** Asks for all others. */
  private static final String COMPLETION = "completion";

  /** In the order of the help. */
  private static final Map<String, Function<Console, Object>> COMMANDS = commands();

  private final Console console;

  @Spec private CommandSpec command;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      description = "Show this text.")
  private boolean help;

  @Option(names = "--version", description = "Show the version.")
  private boolean version;

  @Option(
      names = "--debug",
      scope = ScopeType.INHERIT,
      description =
          "Show where an error comes from; where numbers stop being finite in training, the first"
              + " step and layer. Default: one line.")
  private boolean debug;

  private boolean failed;

  private Main(Console console) {
    this.console = console;
  }

  /** Runs one command and ends the process with its exit code. */
  public static void main(String[] arguments) {
    System.exit(run(Console.system(), arguments));
  }

  /** Runs one command and returns its exit code. */
  static int run(Console console, String... arguments) {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    Main main = new Main(console);
    Optional<String> only =
        Arrays.stream(arguments)
            .findFirst()
            .filter(COMMANDS.keySet()::contains)
            .filter(name -> !name.equals(COMPLETION));
    CommandLine line = main.commandLine(only);
    int code;
    try {
      code = line.execute(arguments);
    } catch (Error e) {
      // Exceptions come to fail by way of picocli, errors such as a full heap by this one.
      code = main.fail(e, line.getCommandSpec());
    }
    return console.printed() ? code : main.lost(code, line.getCommandSpec());
  }

  /**
   * Answers that nobody can read are no success; but a failure of the command, or that training was
   * stopped, says more.
   */
  private int lost(int code, CommandSpec command) {
    console
        .err()
        .println(
            command.qualifiedName()
                + ": standard output cannot be written (the disk is full, or nobody reads it any"
                + " more); what was printed is lost");
    return failed || code == ExitCode.INTERRUPTED.number() ? code : ExitCode.FILES.number();
  }

  /**
   * The program's command line.
   *
   * @param only the one command that is read: to learn of all takes a quarter of a second. Empty
   *     for all of them
   */
  private CommandLine commandLine(Optional<String> only) {
    CommandLine line = new CommandLine(this);
    COMMANDS.forEach(
        (name, command) -> {
          if (only.isEmpty() || only.get().equals(name)) {
            line.addSubcommand(name, command.apply(console));
          }
        });
    Map<String, String> exitCodes = new LinkedHashMap<>();
    for (ExitCode code : ExitCode.values()) {
      exitCodes.put(" " + code.number(), code.meaning());
    }
    line.getCommandSpec().usageMessage().exitCodeList(exitCodes);
    return Converters.ofRecipes(line)
        .setCommandName(ShellWords.quote(System.getProperty("nin4j.command", "nin")))
        .setOverwrittenOptionsAllowed(true)
        .setResourceBundle(new RecipeDefaults())
        .setOut(new PrintWriter(console.out(), true))
        .setErr(new PrintWriter(console.err(), true))
        .registerConverter(Path.class, Main::path)
        .registerConverter(
            ProfileCommand.Order.class, Converters.constants(ProfileCommand.Order.class))
        .registerConverter(RunsCommand.Order.class, Converters.constants(RunsCommand.Order.class))
        .registerConverter(
            CudaOptions.Fusions.class, Converters.constants(CudaOptions.Fusions.class))
        .setExecutionExceptionHandler((e, of, result) -> fail(e, of.getCommandSpec()))
        .setParameterExceptionHandler((e, all) -> misuse(e));
  }

  private static Map<String, Function<Console, Object>> commands() {
    Map<String, Function<Console, Object>> commands = new LinkedHashMap<>();
    commands.put("train", TrainCommand::new);
    commands.put("study", StudyCommand::new);
    commands.put("runs", RunsCommand::new);
    commands.put("ui", UiCommand::new);
    commands.put("evaluate", EvaluateCommand::new);
    commands.put("predict", PredictCommand::new);
    commands.put("show", ShowCommand::new);
    commands.put("export", ExportCommand::new);
    commands.put("import", ImportCommand::new);
    commands.put("plan", PlanCommand::new);
    commands.put("profile", ProfileCommand::new);
    commands.put("summary", SummaryCommand::new);
    commands.put("models", ModelsCommand::new);
    commands.put("data", DataCommand::new);
    commands.put("doctor", DoctorCommand::new);
    commands.put(COMPLETION, CompletionCommand::new);
    return commands;
  }

  private static Path path(String name) {
    try {
      return Path.of(name);
    } catch (InvalidPathException e) {
      throw new TypeConversionException(Failures.unnamable(e));
    }
  }

  private int fail(Throwable failure, CommandSpec of) {
    failed = true;
    console.err().println(Failures.line(of, failure));
    if (debug) {
      failure.printStackTrace(console.err());
    }
    return Failures.code(failure).number();
  }

  private int misuse(ParameterException failure) {
    failed = true;
    console.err().println(Failures.usageLine(failure));
    if (debug) {
      failure.printStackTrace(console.err());
    }
    return ExitCode.USAGE.number();
  }

  /** Without a command: the version, or what there is. */
  @Override
  public void run() {
    if (version) {
      console.out().println("NiN4J " + ProgramVersion.text());
    } else {
      command.commandLine().usage(console.out());
    }
  }
}
