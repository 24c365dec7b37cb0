package org.nin4j.cli.command;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Metrics;
import org.nin4j.cli.option.DataOptions;
import org.nin4j.cli.option.DataSource;
import org.nin4j.cli.option.DeviceOptions;
import org.nin4j.cli.option.SplitOptions;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.cli.output.Texts;
import org.nin4j.cli.output.TrainingReport;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.folder.StoredSize;
import org.nin4j.plan.Precision;
import org.nin4j.train.Evaluator;
import org.nin4j.train.Progress;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.recipe.Recipe;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Evaluates a checkpoint on a test set. */
@Command(
    name = "evaluate",
    header = "Evaluates a trained network on the test images of a data set.",
    description = "",
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  ${ROOT-COMMAND-NAME} evaluate",
      "  ${ROOT-COMMAND-NAME} evaluate runs/20250131-235959-nin",
      "  ${ROOT-COMMAND-NAME} evaluate runs/20250131-235959-nin/last.safetensors --limit 1000"
    })
public final class EvaluateCommand implements Callable<Integer> {
  private final Console console;

  @Spec private CommandSpec command;

  @Parameters(
      arity = "0..1",
      paramLabel = "CHECKPOINT",
      description =
          "A run's folder (its best checkpoint) or a checkpoint file. Default: the latest run in "
              + Runs.FOLDER
              + ".")
  private Optional<Path> checkpoint = Optional.empty();

  @Option(
      names = "--dataset",
      paramLabel = "NAME",
      description = "Data set: " + DataSource.NAMES + ". Default: the one it was trained on.")
  private Optional<String> dataset = Optional.empty();

  @Mixin private SplitOptions splitOptions;

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "Use only the first N images. Default: all.")
  private Optional<Integer> limit = Optional.empty();

  @Option(
      names = "--batch",
      paramLabel = "N",
      description = "Images in a step. Default: as in training.")
  private Optional<Integer> batch = Optional.empty();

  @Option(
      names = "--precision",
      paramLabel = "NAME",
      description = "fp32, tf32 or bf16. Default: as in training.")
  private Optional<Precision> precision = Optional.empty();

  @Mixin private DataOptions dataOptions;
  @Mixin private DeviceOptions deviceOptions;

  public EvaluateCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    Checkpoint trained = Runs.read(checkpoint, console);
    Recipe recipe = recipe(trained.recipeInUse());
    try (Backend backend = deviceOptions.open()) {
      OptionalInt images = limit.map(OptionalInt::of).orElse(OptionalInt.empty());
      ImageDataset test =
          dataOptions
              .load(source(trained, recipe), images, deviceOptions.threads(), console)
              .test();
      trained.requireClasses(test);
      console.out().println("device: " + backend.description());
      precision.ifPresent(p -> DeviceOptions.requireComputesIn(backend, p));
      Recipe fitting = DeviceOptions.fitting(backend, recipe, console);
      evaluate(backend, trained, fitting, trained.preprocessed(test));
    }
    return ExitCode.OK.number();
  }

  private Recipe recipe(Recipe trained) {
    Recipe.Builder changed = trained.toBuilder();
    try {
      dataset.map(DataSource::absolute).ifPresent(changed::dataset);
      changed.split(splitOptions.apply(dataset.isPresent() ? Optional.empty() : trained.split()));
      limit.ifPresent(changed::limit);
      batch.ifPresent(changed::batch);
      precision.ifPresent(changed::precision);
      return changed.build();
    } catch (IllegalArgumentException e) {
      throw new ParameterException(command.commandLine(), e.getMessage());
    }
  }

  /** Other pictures than those it was trained on are brought to the size that these had. */
  private DataSource source(Checkpoint trained, Recipe recipe) {
    try {
      return dataset.isPresent()
          ? DataSource.of(
              recipe.dataset(),
              recipe.split(),
              StoredSize.exactly(trained.image().dim(1), trained.image().dim(2)))
          : DataSource.of(recipe, trained.image().dim(1));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(command.commandLine(), e.getMessage());
    }
  }

  private void evaluate(Backend backend, Checkpoint trained, Recipe recipe, ImageDataset test) {
    int steps = recipe.stepsPerEpoch(test.count());
    int epoch = trained.position().epoch();
    long begin = System.nanoTime();
    Metrics metrics;
    try (TrainingReport report = new TrainingReport(console, recipe.epochs());
        Evaluator evaluator = new Evaluator(backend, recipe, trained.network(), test)) {
      metrics =
          evaluator
              .evaluate(
                  trained.inUse(),
                  () -> false,
                  sums ->
                      report.progressed(
                          new Progress(
                              Progress.Phase.EVALUATION,
                              epoch,
                              recipe.epochs(),
                              recipe.stepsPerEpoch((int) sums.samples()),
                              steps,
                              sums,
                              sums.samples() / secondsSince(begin))))
              .orElseThrow();
    }
    double seconds = secondsSince(begin);
    console
        .out()
        .println(
            Texts.format(
                "%s, %s test images: loss %.4f, accuracy %.4f, top-5 %.4f; %s, binding included",
                test.name(),
                Texts.count(metrics.samples()),
                metrics.loss(),
                metrics.accuracy(),
                metrics.top5Accuracy(),
                Texts.speed(metrics.samples() / seconds)));
  }

  private static double secondsSince(long nanoTime) {
    return (System.nanoTime() - nanoTime) / 1e9;
  }
}
