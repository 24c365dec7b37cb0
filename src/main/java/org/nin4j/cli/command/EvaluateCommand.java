package org.nin4j.cli.command;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
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
import org.nin4j.cli.output.Quantities;
import org.nin4j.cli.output.Table;
import org.nin4j.cli.output.TrainingReport;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.file.PartialFile;
import org.nin4j.data.folder.StoredSize;
import org.nin4j.plan.Precision;
import org.nin4j.text.Text;
import org.nin4j.train.ConfusionMatrix;
import org.nin4j.train.Evaluation;
import org.nin4j.train.Evaluator;
import org.nin4j.train.Progress;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.picture.ConfusionPicture;
import org.nin4j.train.picture.MistakeSheet;
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
    header = "Evaluates a trained network on the test images of a data set.",
    description = {
      "%nPrints each class's precision (the share of its answers that are right), recall (the share of"
          + " its images that are found) and F1 (their harmonic mean), then loss and accuracy.",
      ""
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  ${ROOT-COMMAND-NAME} evaluate",
      "  ${ROOT-COMMAND-NAME} evaluate runs/20250131-235959-nin",
      "  ${ROOT-COMMAND-NAME} evaluate runs/20250131-235959-nin --out evaluation",
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

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description =
          "Write the confusion matrix, confusion.png and confusion.csv, and the most confident"
              + " mistakes, mistakes.png, into this folder. Default: no files.")
  private Optional<Path> out = Optional.empty();

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
      evaluate(backend, trained, fitting, test);
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
    ImageDataset preprocessed = trained.preprocessed(test);
    int steps = recipe.stepsPerEpoch(test.count());
    int epoch = trained.position().epoch();
    long begin = System.nanoTime();
    Evaluation evaluation;
    try (TrainingReport report = new TrainingReport(console, recipe.epochs());
        Evaluator evaluator = new Evaluator(backend, recipe, trained.network(), preprocessed)) {
      evaluation =
          evaluator
              .examine(
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
    Metrics metrics = evaluation.metrics();
    print(evaluation.confusion());
    out.ifPresent(folder -> write(evaluation, trained, test, folder));
    console
        .out()
        .println(
            Text.of(
                "%s, %s test images: loss %.4f, accuracy %.4f, top-5 %.4f; %s, binding included",
                test.name(),
                Quantities.count(metrics.samples()),
                metrics.loss(),
                metrics.accuracy(),
                metrics.top5Accuracy(),
                Quantities.speed(metrics.samples() / seconds)));
  }

  private void print(ConfusionMatrix confusion) {
    Table table =
        new Table(
            List.of(
                Table.Side.LEFT,
                Table.Side.RIGHT,
                Table.Side.RIGHT,
                Table.Side.RIGHT,
                Table.Side.RIGHT),
            "Class",
            "Images",
            "Precision",
            "Recall",
            "F1");
    for (int label = 0; label < confusion.classes().size(); label++) {
      table.add(
          confusion.classes().get(label),
          Quantities.count(confusion.images(label)),
          share(confusion.precision(label)),
          share(confusion.recall(label)),
          share(confusion.f1(label)));
    }
    table.print(console.out());
  }

  /** A class that was never answered has no precision. */
  private static String share(OptionalDouble share) {
    return share.isPresent() ? Text.of("%.4f", share.getAsDouble()) : "–";
  }

  private void write(Evaluation evaluation, Checkpoint trained, ImageDataset test, Path folder) {
    ConfusionPicture.write(
        evaluation.confusion(),
        Text.of(
            "%s, %s: %s test images",
            trained.network().name(),
            test.name(),
            Quantities.count(evaluation.metrics().samples())),
        folder.resolve("confusion.png"));
    PartialFile.write(folder.resolve("confusion.csv"), evaluation.confusion().toCsv());
    MistakeSheet.write(test, evaluation.mistakes(), folder.resolve("mistakes.png"));
    console.out().println("written: " + folder);
  }

  private static double secondsSince(long nanoTime) {
    return (System.nanoTime() - nanoTime) / 1e9;
  }
}
