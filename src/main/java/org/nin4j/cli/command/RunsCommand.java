package org.nin4j.cli.command;

import com.google.gson.JsonObject;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.nin4j.cli.option.RecipeDefaults;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.cli.output.Quantities;
import org.nin4j.cli.output.Table;
import org.nin4j.model.json.DescriptionException;
import org.nin4j.text.Text;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.recipe.RecipeJson;
import org.nin4j.train.run.RecordedRun;
import org.nin4j.train.run.RunConfigs;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Lists runs, and compares some. */
@Command(
    header = "Lists the runs of a folder, or compares those that are named.",
    description = {
      "%nOf a single folder that is no run itself, all runs in it, the latest last. Of the runs that"
          + " are named, the settings in which they differ and their results side by side. Best is the"
          + " best epoch's test accuracy, with its number. What"
          + " cannot be read is said, and left out.",
      ""
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  ${ROOT-COMMAND-NAME} runs",
      "  ${ROOT-COMMAND-NAME} runs --sort accuracy",
      "  ${ROOT-COMMAND-NAME} runs studies/one-by-ones/runs",
      "  ${ROOT-COMMAND-NAME} runs runs/20250131-235959-nin runs/20250201-080000-nin"
    })
public final class RunsCommand implements Callable<Integer> {
  private static final String NONE = "–";

  private final Console console;

  /** What the list is sorted by. */
  public enum Order {
    DATE,
    ACCURACY
  }

  @Parameters(
      paramLabel = "DIR",
      arity = "0..*",
      description = "A folder of runs, or runs' folders. Default: " + Runs.FOLDER + ".")
  private List<Path> folders = List.of();

  @Option(
      names = "--sort",
      paramLabel = "ORDER",
      description =
          "date, the latest last, or accuracy, the best last, by the best epoch. Default: date.")
  private Order order = Order.DATE;

  @Option(
      names = "--json",
      description = "For programs: print one JSON object for each run. Default: a table.")
  private boolean json;

  public RunsCommand(Console console) {
    this.console = console;
  }

  private static String epochs(RecordedRun run) {
    return run.history().epochs().size() + "/" + run.recipe().epochs();
  }

  /** The fastest epoch's, which says most about the machine. */
  private static String speed(RecordedRun run) {
    return run.history().epochs().stream().mapToDouble(EpochResult::imagesPerSecond).max().stream()
        .mapToObj(speed -> Text.of("%,.0f", speed))
        .findFirst()
        .orElse(NONE);
  }

  private static String lastAccuracy(RecordedRun run) {
    return run.history().last().map(r -> Text.of("%.4f", r.testAccuracy())).orElse(NONE);
  }

  private static String bestAccuracy(RecordedRun run) {
    return run.best().map(r -> Text.of("%.4f (%d)", r.testAccuracy(), r.epoch())).orElse(NONE);
  }

  @Override
  public Integer call() {
    List<Path> named = folders.isEmpty() ? List.of(Path.of(Runs.FOLDER)) : folders;
    boolean list = named.size() == 1 && RunConfigs.latest(named.get(0)).isEmpty();
    List<RecordedRun> runs = new ArrayList<>();
    for (Path folder : list ? RecordedRun.foldersIn(named.get(0)) : named) {
      read(folder).ifPresent(runs::add);
    }
    Comparator<RecordedRun> byAccuracy =
        Comparator.comparing(run -> run.best().map(EpochResult::testAccuracy).orElse(-1.0));
    if (list) {
      runs.sort(
          order == Order.DATE
              ? RecordedRun.BY_DATE
              : byAccuracy.thenComparing(RecordedRun.BY_DATE));
    }
    if (json) {
      runs.forEach(run -> console.out().println(toJson(run)));
    } else if (list) {
      print(runs, named.get(0));
    } else {
      compare(runs);
    }
    return ExitCode.OK.number();
  }

  private Optional<RecordedRun> read(Path folder) {
    try {
      return Optional.of(RecordedRun.read(folder));
    } catch (IllegalArgumentException | DescriptionException | UncheckedIOException e) {
      return leftOut(e);
    }
  }

  private Optional<RecordedRun> leftOut(RuntimeException why) {
    console.err().println("left out: " + why.getMessage());
    return Optional.empty();
  }

  private void print(List<RecordedRun> runs, Path folder) {
    if (runs.isEmpty()) {
      console.out().println("there is no run in " + folder);
      return;
    }
    Table table =
        new Table(
            List.of(
                Table.Side.LEFT,
                Table.Side.LEFT,
                Table.Side.LEFT,
                Table.Side.RIGHT,
                Table.Side.RIGHT,
                Table.Side.RIGHT,
                Table.Side.RIGHT),
            "Run",
            "Network",
            "Recipe",
            "Epochs",
            "Accuracy",
            "Best",
            "Time");
    for (RecordedRun run : runs) {
      table.add(
          run.folder().getFileName().toString(),
          run.recipe().network(),
          run.recipe().name(),
          epochs(run),
          lastAccuracy(run),
          bestAccuracy(run),
          Quantities.duration(run.seconds()));
    }
    table.print(console.out());
  }

  private void compare(List<RecordedRun> runs) {
    Map<Path, Map<String, String>> settings = new LinkedHashMap<>();
    runs.forEach(run -> settings.put(run.folder(), RecipeDefaults.settings(run.recipe())));
    Set<String> names = new LinkedHashSet<>();
    settings.values().forEach(all -> names.addAll(all.keySet()));
    List<Table.Side> sides = new ArrayList<>(List.of(Table.Side.LEFT));
    List<String> titles = new ArrayList<>(List.of(""));
    for (RecordedRun run : runs) {
      sides.add(Table.Side.RIGHT);
      titles.add(run.folder().getFileName().toString());
    }
    Table table = new Table(sides, titles.toArray(String[]::new));
    for (String name : names) {
      List<String> values =
          settings.values().stream().map(all -> all.getOrDefault(name, NONE)).toList();
      if (values.stream().distinct().count() > 1) {
        add(table, name.replace('_', '-'), values);
      }
    }
    row(table, runs, "epochs", RunsCommand::epochs);
    row(table, runs, "test accuracy", RunsCommand::lastAccuracy);
    row(table, runs, "best (epoch)", RunsCommand::bestAccuracy);
    row(table, runs, "training time", run -> Quantities.duration(run.seconds()));
    row(table, runs, "images/s", RunsCommand::speed);
    table.print(console.out());
  }

  private static void row(
      Table table, List<RecordedRun> runs, String name, Function<RecordedRun, String> value) {
    add(table, name, runs.stream().map(value).collect(Collectors.toList()));
  }

  private static void add(Table table, String name, List<String> values) {
    table.add(Stream.concat(Stream.of(name), values.stream()).toArray(String[]::new));
  }

  private static JsonObject toJson(RecordedRun run) {
    JsonObject line = new JsonObject();
    line.addProperty("run", run.folder().toString());
    line.addProperty("started", run.started().toString());
    line.addProperty("epochs_done", run.history().epochs().size());
    run.history().last().ifPresent(r -> line.addProperty("test_accuracy", r.testAccuracy()));
    run.best()
        .ifPresent(
            r -> {
              line.addProperty("best_test_accuracy", r.testAccuracy());
              line.addProperty("best_epoch", r.epoch());
            });
    line.addProperty("seconds", run.seconds());
    line.add("recipe", RecipeJson.write(run.recipe()));
    return line;
  }
}
