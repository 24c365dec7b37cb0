package org.nin4j.cli.command;

import java.awt.image.BufferedImage;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.cli.option.CheckpointOptions;
import org.nin4j.cli.option.DataOptions;
import org.nin4j.cli.option.DataSource;
import org.nin4j.cli.option.DeviceOptions;
import org.nin4j.cli.option.PageOption;
import org.nin4j.cli.option.RecipeArguments;
import org.nin4j.cli.option.RecipeOptions;
import org.nin4j.cli.option.TimeBudgetOption;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.cli.output.JsonReport;
import org.nin4j.cli.output.Quantities;
import org.nin4j.cli.output.ShellWords;
import org.nin4j.cli.output.TrainingReport;
import org.nin4j.data.DataMissingException;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.data.file.Png;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.model.Network;
import org.nin4j.text.Text;
import org.nin4j.train.Evaluator;
import org.nin4j.train.NumericalException;
import org.nin4j.train.TimeBudget;
import org.nin4j.train.Trainer;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.checkpoint.Best;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.CheckpointException;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.picture.MistakeSheet;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;
import org.nin4j.train.run.RunCheckpoints;
import org.nin4j.train.run.RunConfigs;
import org.nin4j.train.run.RunFolder;
import org.nin4j.train.run.RunSettings;
import org.nin4j.train.tensorboard.TensorBoard;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Trains a network. */
@Command(
    header = "Trains a network and evaluates it after every epoch.",
    description = {
      "%nWithout options it trains Network in Network on Fashion-MNIST by the recipe 'default';"
          + " with --network another network by its published recipe. Settings, history, curves and"
          + " checkpoints go to a new folder.",
      "",
      "Ctrl-C finishes the step, saves, and says how to go on; a second Ctrl-C ends at once."
          + " Progress is a bar where the error output is a terminal, elsewhere a few lines. A"
          + " training that is killed, or whose machine fails, goes on by --resume from its newest"
          + " whole checkpoint, and ends with the same bits.",
      ""
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  ${ROOT-COMMAND-NAME} train",
      "  ${ROOT-COMMAND-NAME} train --minutes 9",
      "  ${ROOT-COMMAND-NAME} train --recipe fast",
      "  ${ROOT-COMMAND-NAME} train --recipe d2l",
      "  ${ROOT-COMMAND-NAME} train --size 96 --epochs 6 --lr 0.01 --seed 7",
      "  ${ROOT-COMMAND-NAME} train --inner 3x3p1,3x3p1",
      "  ${ROOT-COMMAND-NAME} train --network lenet",
      "  ${ROOT-COMMAND-NAME} train --network resnet18 --limit 6000 --epochs 3",
      "  ${ROOT-COMMAND-NAME} train --network mine.json --size 32",
      "  ${ROOT-COMMAND-NAME} train --dataset shapes --network nin-mini --size 28 --limit 1000",
      "  ${ROOT-COMMAND-NAME} train --dataset folder:flowers --split 0.1 --network lenet --size 32",
      "  ${ROOT-COMMAND-NAME} train --config runs/20250131-235959-nin/config.json --seed 2",
      "  ${ROOT-COMMAND-NAME} train --dataset folder:shoes --start-from runs/20250131-235959-nin",
      "  ${ROOT-COMMAND-NAME} train --resume runs/20250131-235959-nin",
      "  ${ROOT-COMMAND-NAME} train --resume runs/20250131-235959-nin --epochs 20 --lr 0.005"
    })
public final class TrainCommand implements Callable<Integer> {
  private final Console console;

  @Spec private CommandSpec command;

  @Option(
      names = "--recipe",
      paramLabel = "NAME",
      description =
          "Settings to start from: default, fast for the fewest seconds to 0.90, best for the"
              + " highest accuracy, momentum, which the studies take, d2l, the network's own as"
              + " published, or paddle, the same with Adam; options change single ones. Default:"
              + " default for nin and nin-mini, d2l for other networks.")
  private Optional<String> recipe = Optional.empty();

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description =
          "Train what a file like a run's config.json says, recipe and network; options change"
              + " single settings. Default: a recipe.")
  private Optional<Path> config = Optional.empty();

  @Option(
      names = "--resume",
      paramLabel = "PATH",
      description =
          "Go on from a run's folder, in that folder, at its newest whole checkpoint (without any,"
              + " begin anew by its config.json), or from a checkpoint file, in a new folder,"
              + " where the best so far goes along if it lies beside the file; the recipe is the"
              + " run's, and options change it. Default: begin anew.")
  private Optional<Path> resume = Optional.empty();

  @Option(
      names = "--start-from",
      paramLabel = "PATH",
      description =
          "Fine-tune: start with the values of a checkpoint, or of a run's best one, wherever name"
              + " and shape are the same, and draw the rest, such as a last layer for other"
              + " classes. Default: draw all.")
  private Optional<Path> startFrom = Optional.empty();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Where the run's folder is made. Default: " + Runs.FOLDER + ".")
  private Path out = Path.of(Runs.FOLDER);

  @Option(
      names = "--or-shapes",
      description =
          "Where there is neither the data nor a network to get it from, train on shapes drawn by"
              + " the program. Default: end with an error.")
  private boolean orShapes;

  @Option(
      names = "--histograms",
      description =
          "Add histograms of all parameters to the events for TensorBoard, after each epoch."
              + " Default: curves only.")
  private boolean histograms;

  @Option(names = "--quiet", description = "Print the result only. Default: how it goes.")
  private boolean quiet;

  @Option(
      names = "--json",
      description =
          "For programs: print one JSON object a line, with event start, remark, epoch, end or"
              + " stopped; what is for people goes to the error output. Default: lines for people.")
  private boolean json;

  @Mixin private PageOption pageOption;
  @Mixin private TimeBudgetOption timeBudget;
  @Mixin private RecipeOptions changes;
  @Mixin private DataOptions dataOptions;
  @Mixin private DeviceOptions deviceOptions;
  @Mixin private CheckpointOptions checkpointOptions;

  private TrainingPage page = TrainingPage.NONE;

  public TrainCommand(Console console) {
    this.console = console;
  }

  /** A training that starts with the values of another. */
  private record FineTuning(Path file, Checkpoint other) {
    static FineTuning read(Path path) {
      Path file = (Files.isDirectory(path) ? RunCheckpoints.best(path) : path).toAbsolutePath();
      return new FineTuning(file, Checkpoint.read(file));
    }

    Checkpoint train(Trainer trainer) {
      try {
        return trainer.fineTune(other.inUse());
      } catch (CheckpointException e) {
        throw new CheckpointException(file + ": " + e.getMessage(), e);
      }
    }
  }

  /** What to train on, and the recipe that says so. */
  private record Chosen(Recipe recipe, TrainTest data, Optional<TimeBudget.Choice> inTime) {}

  @Override
  public Integer call() {
    if (resume.isPresent() && recipe.isPresent()) {
      throw usage("--resume goes on with the run's recipe; leave out --recipe");
    }
    if (config.isPresent() && (recipe.isPresent() || resume.isPresent() || timeBudget.given())) {
      throw usage("--config says which recipe; leave out --recipe, --resume and --minutes");
    }
    if (startFrom.isPresent() && resume.isPresent()) {
      throw usage("--resume goes on with the run's own values; leave out --start-from");
    }
    if (json && quiet) {
      throw usage("--json prints nothing but its lines; leave out --quiet");
    }
    requireNothingAgainstTheTimeBudget();
    try (TrainingPage opened = TrainingPage.open(pageOption, runs(), pageAddress())) {
      page = opened;
      return page.during(this::train);
    }
  }

  private int train() {
    checkpointOptions.every();
    checkpointOptions.kept();
    resume.filter(Files::isDirectory).ifPresent(Runs::requireSomethingToGoOnFrom);
    // Opened before it is read: nobody else may go on in a folder meanwhile.
    Optional<RunFolder> folder =
        resume.filter(Files::isDirectory).map(f -> RunFolder.open(f, shown().out()::println));
    folder.ifPresent(f -> f.keep(checkpointOptions.kept()));
    try {
      Optional<RunCheckpoints.Newest> from =
          folder.isPresent()
              ? RunCheckpoints.newest(folder.get().path(), shown().out()::println)
              : resume.map(file -> new RunCheckpoints.Newest(file, Checkpoint.read(file)));
      return train(
          from.map(RunCheckpoints.Newest::file),
          from.map(RunCheckpoints.Newest::checkpoint),
          folder);
    } finally {
      folder.ifPresent(RunFolder::close);
    }
  }

  /** Where the run's folder is, beside others. */
  private Path runs() {
    return resume
        .filter(Files::isDirectory)
        .flatMap(folder -> Optional.ofNullable(folder.toAbsolutePath().normalize().getParent()))
        .orElse(out);
  }

  /** Not among lines for programs, and not left out where only the result is printed. */
  private PrintStream pageAddress() {
    return quiet ? console.err() : shown().out();
  }

  /** A run that was killed before its first checkpoint begins anew, by its configuration. */
  private Optional<Path> configuration(Optional<Checkpoint> from, Optional<RunFolder> opened) {
    if (opened.isEmpty() || from.isPresent()) {
      return config;
    }
    Path run = opened.get().path();
    Path file =
        RunConfigs.latest(run)
            .orElseThrow(() -> new CheckpointException(run + " holds no whole checkpoint"));
    shown()
        .out()
        .println(
            Text.of(
                "%s holds no whole checkpoint: beginning anew by its %s", run, file.getFileName()));
    return Optional.of(file);
  }

  private int train(Optional<Path> file, Optional<Checkpoint> from, Optional<RunFolder> opened) {
    Optional<RunSettings> configured =
        configuration(from, opened).map(c -> checked(() -> RunSettings.read(c)));
    Recipe base =
        from.map(Checkpoint::recipe)
            .or(() -> configured.map(RunSettings::recipe))
            .orElseGet(() -> checked(() -> changes.base(recipe)));
    Optional<Path> start = startFrom.or(() -> configured.flatMap(RunSettings::start));
    Optional<FineTuning> tuning = start.map(FineTuning::read);
    Optional<Network> described =
        from.map(Checkpoint::network).or(() -> configured.flatMap(RunSettings::network));
    Recipe wanted = checked(() -> changes.apply(base));
    // Before anything is loaded, where it is known for how many classes.
    dataOptions
        .classes(checked(() -> DataSource.of(wanted)))
        .ifPresent(classes -> network(described, wanted, classes));
    if (from.isPresent() && from.get().position().epoch() >= wanted.epochs()) {
      opened.filter(folder -> from.get().complete()).ifPresent(f -> f.complete(from.get()));
      throw usage(
          Text.of(
              "the run is complete %s; more --epochs would let it go on", from.get().position()));
    }
    try (Backend backend = deviceOptions.open()) {
      changes.requireFitting(backend);
      Chosen chosen =
          timeBudget.given()
              ? inTime(backend, choose(from, changes.fitting(backend, wanted, shown()), false))
              : choose(from, wanted, from.isPresent() || configured.isPresent());
      Network network =
          network(described, chosen.recipe(), chosen.data().train().classNames().size());
      if (opened.isPresent()) {
        return train(backend, base, chosen, network, from, file, tuning, opened.get());
      }
      try (RunFolder folder =
          RunFolder.create(
              out, LocalDateTime.now(), chosen.recipe().network(), shown().out()::println)) {
        return train(backend, base, chosen, network, from, file, tuning, folder);
      }
    }
  }

  /** What the command line chooses, or what the checkpoint or the configuration holds. */
  private Network network(Optional<Network> described, Recipe of, int classes) {
    return described.isPresent() && !changes.network().given()
        ? described.get()
        : checked(() -> changes.network().network(of, classes));
  }

  private void requireNothingAgainstTheTimeBudget() {
    timeBudget.check();
    if (!timeBudget.given()) {
      return;
    }
    if (resume.isPresent()) {
      throw usage("--resume goes on with the run's epochs; leave out --minutes");
    }
    if (changes.givesEpochs()) {
      throw usage("--minutes chooses the epochs; leave out --minutes or --epochs");
    }
    if (recipe.isPresent() && !recipe.get().equals(Recipes.DEFAULT)) {
      throw usage(
          "--minutes chooses settings of the default recipe; leave out --minutes or --recipe "
              + recipe.get());
    }
    String network = checked(changes.network()::name);
    if (changes.network().isFile() || !Recipes.standardFits(network)) {
      throw usage(
          "--minutes chooses settings of the default recipe, which is not made for this network;"
              + " leave out --minutes or --network, and see --epochs");
    }
  }

  /** The same with as many epochs as there is time for, and the settings for that number. */
  private Chosen inTime(Backend backend, Chosen whole) {
    IntFunction<Recipe> recipes =
        epochs ->
            changes.apply(Recipes.standard(epochs)).toBuilder()
                .dataset(whole.recipe().dataset())
                .mean(whole.recipe().mean())
                .std(whole.recipe().std())
                .precision(whole.recipe().precision())
                .build();
    TimeBudget.Choice choice =
        checked(() -> timeBudget.choose(backend, recipes, whole.data(), shown()));
    Recipe used = recipes.apply(choice.epochs());
    shown()
        .out()
        .println(
            Text.of(
                "the same training again: %s --epochs %d%s%s%s",
                command.qualifiedName(),
                choice.epochs(),
                RecipeArguments.changing(
                    Recipes.standard().toBuilder().epochs(choice.epochs()).build(), used),
                dataOptions.toCommandLine(),
                deviceOptions.toCommandLine()));
    return new Chosen(used, whole.data(), Optional.of(choice));
  }

  /**
   * Loads what is trained on.
   *
   * @param kept whether the recipe's mean and deviation are, as those of a run that goes on or is
   *     repeated
   */
  private Chosen choose(Optional<Checkpoint> from, Recipe wanted, boolean kept) {
    try {
      TrainTest data = load(from, wanted);
      Recipe used = kept ? wanted : changes.measured(wanted, data);
      return new Chosen(used, data, Optional.empty());
    } catch (DataMissingException e) {
      if (!orShapes) {
        throw e;
      }
      shown()
          .out()
          .println(
              "There is neither the data set "
                  + wanted.dataset()
                  + " nor a network to get it from: training on "
                  + Shapes.NAME
                  + " instead.");
      Recipe shapes = wanted.toBuilder().dataset(Shapes.ID).build();
      return new Chosen(shapes, load(from, shapes), Optional.empty());
    }
  }

  /** A run that goes on needs the images as they were stored, whatever size it goes on with. */
  private TrainTest load(Optional<Checkpoint> from, Recipe of) {
    int side = from.map(c -> c.image().dim(1)).orElse(of.size());
    DataSource source = checked(() -> DataSource.of(of, side));
    return dataOptions.load(of, source, deviceOptions.threads(), shown());
  }

  private int train(
      Backend backend,
      Recipe base,
      Chosen chosen,
      Network network,
      Optional<Checkpoint> from,
      Optional<Path> file,
      Optional<FineTuning> tuning,
      RunFolder folder) {
    Recipe used = chosen.recipe();
    TrainTest data = chosen.data();
    try (TrainingReport report = new TrainingReport(shown(), used.epochs());
        TensorBoard board = new TensorBoard(folder.path(), histograms, shown().out()::println)) {
      RunStart start =
          new RunStart(
              shown(), backend, base, data, chosen.inTime(), tuning.map(FineTuning::file), folder);
      JsonReport programs =
          new JsonReport(console.out(), backend.description(), data, folder.path());
      List<TrainingListener> listeners = new ArrayList<>(List.of(board, start, report, folder));
      if (json) {
        listeners.add(programs);
      }
      page.settle(backend, used, data, folder, console);
      listeners.addAll(page.listeners());
      Trainer trainer =
          checked(
              () ->
                  new Trainer(
                      backend,
                      used,
                      network,
                      data,
                      from.flatMap(Checkpoint::whitening),
                      listeners));
      page.control(trainer);
      trainer.checkpointEvery(checkpointOptions.every());
      folder.keep(checkpointOptions.kept());
      if (command.root().optionsMap().get("--debug").<Boolean>getValue()) {
        trainer.findOrigins();
      }
      folder.requireRoom(trainer.checkpointBytes());
      Optional<Checkpoint> begin = from.map(c -> folder.goOn(c, file.orElseThrow()));
      return Interruption.holdDuring(
          trainer::stop,
          () -> {
            Checkpoint last =
                orSayWhatIsSaved(
                    folder,
                    () -> begin.map(trainer::resume).orElseGet(() -> begin(trainer, tuning)));
            report.clear();
            if (last.complete()) {
              showMistakes(backend, last, data.test(), board);
            }
            if (json) {
              boolean goesOn = !last.complete() && Files.exists(RunCheckpoints.last(folder.path()));
              programs.ended(last, goesOn ? Optional.of(resumeCommand(folder)) : Optional.empty());
            }
            return end(last, used.network() + " on " + data.name(), folder);
          });
    }
  }

  private static Checkpoint begin(Trainer trainer, Optional<FineTuning> tuning) {
    return tuning.map(t -> t.train(trainer)).orElseGet(trainer::train);
  }

  /** Where people are told what goes on: beside lines for programs, as errors are. */
  private Console shown() {
    return json ? console.toErrors() : quiet ? console.quietly() : console;
  }

  /** The result stands already: what fails here is said, and no more. */
  private void showMistakes(
      Backend backend, Checkpoint trained, ImageDataset test, TensorBoard board) {
    try (Evaluator evaluator =
        new Evaluator(
            backend, trained.recipeInUse(), trained.network(), trained.preprocessed(test))) {
      evaluator
          .examine(trained.inUse(), () -> false, sums -> {})
          .ifPresent(all -> show(board, MistakeSheet.draw(test, all.mistakes())));
    } catch (RuntimeException | LinkageError | InternalError e) {
      // Machines without fonts or graphics libraries, or a device that fails at last.
      shown().out().println("mistakes cannot be shown in TensorBoard: " + e);
    }
  }

  private static void show(TensorBoard board, BufferedImage mistakes) {
    board.picture("mistakes", mistakes.getWidth(), mistakes.getHeight(), Png.encode(mistakes));
  }

  /** Trains; what makes a training fail says what is saved, and how to go on. */
  private Checkpoint orSayWhatIsSaved(RunFolder folder, Supplier<Checkpoint> training) {
    try {
      return training.get();
    } catch (NumericalException e) {
      throw new NumericalException(
          e.getMessage()
              + folder
                  .saved()
                  .map(saved -> "; the last good checkpoint is " + saved.file())
                  .orElse("; there is no good checkpoint yet"));
    } catch (UncheckedIOException e) {
      throw new UncheckedIOException(
          e.getMessage() + whatIsSaved(folder).orElse("; the run is not saved yet"), e.getCause());
    } catch (BackendException e) {
      throw new BackendException(e.getMessage() + whatIsSaved(folder).orElse(""), e);
    }
  }

  private Optional<String> whatIsSaved(RunFolder folder) {
    return folder
        .saved()
        .map(
            saved ->
                Text.of(
                    "; the run is saved %s; go on with: %s",
                    saved.position(),
                    saved.file().equals(RunCheckpoints.last(folder.path()))
                        ? resumeCommand(folder)
                        : "the same command"));
  }

  private int end(Checkpoint last, String title, RunFolder folder) {
    PrintStream out = json ? console.err() : console.out();
    if (!last.complete()) {
      String stopped =
          Files.exists(RunCheckpoints.last(folder.path()))
              ? Text.of("stopped %s; go on with: %s", last.position(), resumeCommand(folder))
              : "stopped before the first step";
      out.println(stopped);
      page.ended(false, stopped);
      return ExitCode.INTERRUPTED.number();
    }
    EpochResult reached = last.history().last().orElseThrow();
    Best best = last.best().orElseThrow();
    if (reached.deadClasses() > 0) {
      out.println(
          "Dead classes are never answered; another --seed, a lower --lr or a longer --warm-up"
              + " may keep them alive.");
    }
    double seconds = last.history().epochs().stream().mapToDouble(EpochResult::seconds).sum();
    String result =
        Text.of(
            "%s: test accuracy %.4f after %d %s (best %.4f after epoch %d), %s of training: %s",
            title,
            reached.testAccuracy(),
            reached.epoch(),
            reached.epoch() == 1 ? "epoch" : "epochs",
            best.testAccuracy(),
            best.epoch(),
            Quantities.duration(seconds),
            folder.path());
    out.println(result);
    page.ended(true, result);
    return ExitCode.OK.number();
  }

  private String resumeCommand(RunFolder folder) {
    return Text.of(
        "%s --resume %s%s%s%s",
        command.qualifiedName(),
        ShellWords.quote(folder.path()),
        dataOptions.toCommandLine(),
        deviceOptions.toCommandLine(),
        checkpointOptions.toCommandLine());
  }

  private <T> T checked(Supplier<T> made) {
    try {
      return made.get();
    } catch (IllegalArgumentException e) {
      throw usage(e.getMessage());
    }
  }

  private ParameterException usage(String message) {
    return new ParameterException(command.commandLine(), message);
  }
}
