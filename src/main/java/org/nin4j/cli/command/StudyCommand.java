package org.nin4j.cli.command;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.cli.option.CheckpointOptions;
import org.nin4j.cli.option.DataOptions;
import org.nin4j.cli.option.DataSource;
import org.nin4j.cli.option.DeviceOptions;
import org.nin4j.cli.option.StudySettings;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.cli.output.ShellWords;
import org.nin4j.cli.output.StudyProgress;
import org.nin4j.cli.output.Table;
import org.nin4j.data.TrainTest;
import org.nin4j.data.file.PartialFile;
import org.nin4j.study.PlannedRun;
import org.nin4j.study.Studies;
import org.nin4j.study.Study;
import org.nin4j.study.StudyException;
import org.nin4j.study.StudyJson;
import org.nin4j.study.StudyPlan;
import org.nin4j.study.StudyReport;
import org.nin4j.study.StudyRunner;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.CheckpointException;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.run.RunLock;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Trains variants side by side and reports what came out. */
@Command(
    header = "Trains variants side by side, several seeds of each, and reports.",
    description = {
      "%nA study is one of those that --list shows, which are the book's exercises, or a JSON file:"
          + " name, question, base (settings of all variants), variants (by name, what each"
          + " changes), and where wanted seeds, quick (what --quick changes in base) and published"
          + " (variant, test_accuracy, source). Settings are the options of"
          + " '${ROOT-COMMAND-NAME} train' without their dashes; where a device has no instructions"
          + " for a precision, fp32 takes its place.",
      "",
      "Each run is a folder DIR/runs/VARIANT-seedN. What is finished is skipped, what was"
          + " interrupted goes on; DIR/study.md, study.csv and pictures are written after every"
          + " run. Ctrl-C saves, and says how to go on; a second Ctrl-C ends at once.",
      ""
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  ${ROOT-COMMAND-NAME} study --list",
      "  ${ROOT-COMMAND-NAME} study one-by-ones --quick",
      "  ${ROOT-COMMAND-NAME} study one-by-ones --only one,two --seeds 5",
      "  ${ROOT-COMMAND-NAME} study mine.json --out studies/mine"
    })
public final class StudyCommand implements Callable<Integer> {
  private static final String FOLDER = "studies";
  private static final String FILE_ENDING = ".json";

  private final Console console;

  @Spec private CommandSpec command;

  @Parameters(
      arity = "0..1",
      paramLabel = "NAME|FILE",
      description = "A study that --list shows, or a file NAME.json.")
  private Optional<String> name = Optional.empty();

  @Option(names = "--list", description = "List the studies that come with NiN4J.")
  private boolean list;

  @Option(
      names = "--quick",
      description =
          "Train on fewer and smaller images, for few epochs, as the study says: made for two"
              + " processor cores. Default: the whole study, for a GPU or with patience.")
  private boolean quick;

  @Option(
      names = "--seeds",
      paramLabel = "N",
      description = "Train each variant with N seeds. Default: as many as the study has.")
  private Optional<Integer> seeds = Optional.empty();

  @Option(
      names = "--only",
      paramLabel = "VARIANT",
      split = ",",
      description =
          "Train these variants only; the report has all that were trained. Default: all.")
  private List<String> only = List.of();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "The study's folder. Default: " + FOLDER + "/NAME, with --quick NAME-quick.")
  private Optional<Path> out = Optional.empty();

  @Mixin private DataOptions dataOptions;
  @Mixin private DeviceOptions deviceOptions;
  @Mixin private CheckpointOptions checkpointOptions;

  public StudyCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    if (list) {
      list();
      return ExitCode.OK.number();
    }
    if (name.isEmpty()) {
      throw new ParameterException(command.commandLine(), "name a study, or see them with --list");
    }
    checkpointOptions.every();
    checkpointOptions.kept();
    Study own = study(name.get());
    Study study = seeds.isPresent() ? own.withSeeds(seeds.get()) : own;
    Path folder = out.orElse(Path.of(FOLDER, study.name() + (quick ? "-quick" : "")));
    try (Backend backend = deviceOptions.open()) {
      Function<Recipe, TrainTest> data = loading();
      StudyPlan plan = StudyPlan.of(study, quick, only, new StudySettings(), backend, data);
      try (RunLock lock = lock(folder)) {
        return run(backend, plan, folder, data);
      }
    }
  }

  private void list() {
    Table table =
        new Table(
            List.of(Table.Side.LEFT, Table.Side.RIGHT, Table.Side.LEFT),
            "Study",
            "Runs",
            "Question");
    Studies.all()
        .forEach(study -> table.add(study.name(), String.valueOf(study.runs()), study.question()));
    table.print(console.out());
  }

  private static Study study(String name) {
    if (!name.endsWith(FILE_ENDING)) {
      return Studies.named(name);
    }
    Path file = Path.of(name);
    try {
      return StudyJson.parse(Files.readString(file));
    } catch (StudyException e) {
      throw new StudyException(file + ": " + e.getMessage());
    } catch (IOException e) {
      throw PartialFile.unreadable(file, e);
    }
  }

  /** Loads each data set once. */
  private Function<Recipe, TrainTest> loading() {
    record Key(DataSource source, OptionalInt limit, OptionalDouble validation) {}
    Map<Key, TrainTest> loaded = new HashMap<>();
    return recipe ->
        loaded.computeIfAbsent(
            new Key(DataSource.of(recipe), recipe.limit(), recipe.validation()),
            key -> {
              try {
                return dataOptions.load(recipe, key.source(), deviceOptions.threads(), console);
              } catch (ParameterException e) {
                throw new StudyException(e.getMessage());
              }
            });
  }

  private RunLock lock(Path folder) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(
          "the study's folder cannot be made: " + PartialFile.reason(e), e);
    }
    return RunLock.take(folder, "choose another folder with --out", console.out()::println);
  }

  private int run(Backend backend, StudyPlan plan, Path folder, Function<Recipe, TrainTest> data) {
    try (StudyProgress progress = new StudyProgress(console)) {
      StudyReport report =
          new StudyReport(plan, folder, commandLine(), this::commandOf, progress::remarked);
      StudyRunner runner =
          new StudyRunner(
              backend,
              plan,
              folder,
              data,
              (run, images, runFolder) ->
                  List.of(
                      new RunConfig(
                          backend, images, Optional.empty(), Optional.empty(), runFolder)),
              new StudyRunner.Saving(checkpointOptions.every(), checkpointOptions.kept()),
              report,
              progress);
      console
          .out()
          .println(
              Text.of(
                  "study %s: %d runs in %s", plan.study().name(), plan.chosen().size(), folder));
      console.out().println("device: " + backend.description());
      return Interruption.holdDuring(
          runner::stop,
          () -> {
            boolean complete = orSayHowToGoOn(runner);
            progress.close();
            console
                .out()
                .println(
                    complete
                        ? Text.of(
                            "%d of %d runs are done: %s",
                            runner.results().size(), plan.runs().size(), report.file())
                        : "stopped; go on with: " + commandLine());
            return (complete ? ExitCode.OK : ExitCode.INTERRUPTED).number();
          });
    }
  }

  /** What makes a run fail stops the study: what is finished is kept. */
  private boolean orSayHowToGoOn(StudyRunner study) {
    String kept = "; what is finished is kept; go on with: " + commandLine();
    try {
      return study.run();
    } catch (UncheckedIOException e) {
      throw new UncheckedIOException(where(study) + e.getMessage() + kept, e.getCause());
    } catch (BackendException e) {
      throw new BackendException(where(study) + e.getMessage() + kept, e);
    } catch (CheckpointException e) {
      throw new CheckpointException(where(study) + e.getMessage() + kept, e);
    }
  }

  private static String where(StudyRunner study) {
    return study.current().map(run -> run.name() + ": ").orElse("");
  }

  private String commandLine() {
    return command.qualifiedName()
        + " "
        + ShellWords.quote(name.orElseThrow())
        + (quick ? " --quick" : "")
        + seeds.map(n -> " --seeds " + n).orElse("")
        + (only.isEmpty() ? "" : " --only " + String.join(",", only))
        + out.map(folder -> " --out " + ShellWords.quote(folder)).orElse("")
        + dataOptions.toCommandLine()
        + deviceOptions.toCommandLine()
        + checkpointOptions.toCommandLine();
  }

  private String commandOf(PlannedRun run) {
    return command.root().qualifiedName()
        + " train "
        + run.settings().arguments().stream()
            .map(ShellWords::quote)
            .collect(Collectors.joining(" "))
        + dataOptions.toCommandLine()
        + deviceOptions.toCommandLine();
  }
}
