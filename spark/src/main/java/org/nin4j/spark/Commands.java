package org.nin4j.spark;

import static org.apache.spark.sql.functions.col;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.cli.output.Failures;
import org.nin4j.data.TrainTest;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.history.History;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** What {@code spark-submit} can be asked for. */
@Command(
    name = "nin4j-spark",
    description = "Trains and runs convolutional networks on Apache Spark.",
    synopsisSubcommandLabel = "COMMAND",
    mixinStandardHelpOptions = false,
    subcommands = {Commands.Train.class, Commands.Evaluate.class, Commands.Predict.class})
final class Commands {
  private static final String DATA =
      "A published data set (fashion-mnist, mnist, cifar-10, cifar-100), or a folder with"
          + " train/CLASS/ and test/CLASS/ on any file system that Hadoop knows.";
  private static final String MODEL = "A folder that train --out wrote, or a .safetensors file.";

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      description = "Show this text.")
  private boolean help;

  @Option(
      names = "--debug",
      scope = ScopeType.INHERIT,
      description = "Show where an error comes from.")
  private boolean debug;

  private Commands() {}

  static int run(String... arguments) {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    Commands commands = new Commands();
    return new CommandLine(commands)
        .setExecutionExceptionHandler(
            (failure, line, result) -> {
              if (commands.debug) {
                failure.printStackTrace();
              }
              boolean usage = failure instanceof IllegalArgumentException;
              System.err.println(
                  "nin4j-spark: "
                      + Optional.ofNullable(failure.getMessage()).orElse(failure.toString()));
              return (usage ? ExitCode.USAGE : Failures.code(failure)).number();
            })
        .execute(arguments);
  }

  private static SparkSession session(String name) {
    SparkSession session = SparkSession.builder().appName("NiN4J " + name).getOrCreate();
    // What Spark tells of its ordinary work would hide what is printed here.
    session.sparkContext().setLogLevel("WARN");
    return session;
  }

  /** Images, and their classes' names where these do not stand in the frame. */
  private record Labelled(Dataset<Row> frame, List<String> classes) {}

  private static Labelled labelled(SparkSession spark, String data, Optional<Integer> limit) {
    if (data.contains("/") || data.contains(":")) {
      return new Labelled(Frames.folder(spark, data), List.of());
    }
    TrainTest all = Frames.published(data);
    TrainTest some =
        limit.isEmpty()
            ? all
            : new TrainTest(
                all.train().first(Math.min(limit.get(), all.train().count())),
                all.test().first(Math.min(limit.get(), all.test().count())),
                all.origin());
    int parts = Math.max(2, spark.sparkContext().defaultParallelism());
    return new Labelled(Frames.of(spark, some, parts), some.train().classNames());
  }

  private static NinModel model(SparkSession spark, String model) {
    return model.endsWith(".safetensors")
        ? NinModel.ofCheckpoint(spark, model)
        : NinModel.load(model);
  }

  /** Trains. */
  @Command(name = "train", description = "Train a network, and save it.", sortOptions = false)
  static final class Train implements Callable<Integer> {
    @Option(names = "--data", required = true, description = DATA)
    private String data;

    @Option(names = "--limit", description = "The first images of each set only.")
    private Optional<Integer> limit = Optional.empty();

    @Option(names = "--out", required = true, description = "Where the model is saved.")
    private String out;

    @Option(names = "--recipe", description = "Name of a recipe. Default: the network's.")
    private Optional<String> recipe = Optional.empty();

    @Option(names = "--network", description = "Name of a network. Default: the recipe's.")
    private Optional<String> network = Optional.empty();

    @Option(names = "--epochs", description = "Passes over the images.")
    private Optional<Integer> epochs = Optional.empty();

    @Option(names = "--batch", description = "Images of a step, over all tasks.")
    private Optional<Integer> batch = Optional.empty();

    @Option(names = "--size", description = "Images are enlarged to squares of this side.")
    private Optional<Integer> size = Optional.empty();

    @Option(names = "--seed", description = "Of all that is drawn.")
    private Optional<Long> seed = Optional.empty();

    @Option(names = "--tasks", description = "Parts of a batch, K. Default: 2.")
    private Optional<Integer> tasks = Optional.empty();

    @Option(names = "--local-steps", description = "Steps of a round, H. Default: 1.")
    private Optional<Integer> localSteps = Optional.empty();

    @Option(names = "--outer-rate", description = "Rate of an outer step, such as 0.7.")
    private Optional<Double> outerRate = Optional.empty();

    @Option(names = "--outer-momentum", description = "Its momentum. Default: 0.9.")
    private Optional<Double> outerMomentum = Optional.empty();

    @Option(names = "--checkpoints", description = "Where the run is kept while it trains.")
    private Optional<String> checkpoints = Optional.empty();

    @Option(names = "--checkpoint-every", description = "Minutes between saves. Default: 5.")
    private Optional<Double> minutes = Optional.empty();

    @Option(names = "--resume", description = "Go on with the run in --checkpoints.")
    private boolean resume;

    @Option(names = "--device", description = "cpu, cuda, auto or reference. Default: cpu.")
    private Optional<String> device = Optional.empty();

    @Override
    public Integer call() throws Exception {
      NinEstimator estimator = new NinEstimator().setDataset(data).setResume(resume);
      recipe.ifPresent(estimator::setRecipe);
      network.ifPresent(estimator::setNetwork);
      epochs.ifPresent(estimator::setEpochs);
      batch.ifPresent(estimator::setTrainingBatch);
      size.ifPresent(estimator::setSize);
      seed.ifPresent(estimator::setSeed);
      tasks.ifPresent(estimator::setTasks);
      localSteps.ifPresent(estimator::setLocalSteps);
      outerRate.ifPresent(estimator::setOuterRate);
      outerMomentum.ifPresent(estimator::setOuterMomentum);
      checkpoints.ifPresent(estimator::setCheckpointDir);
      minutes.ifPresent(estimator::setCheckpointMinutes);
      device.ifPresent(estimator::setDevice);
      estimator.setListener(new Lines());
      try (SparkSession spark = session("train")) {
        Labelled images = labelled(spark, data, limit);
        if (!images.classes().isEmpty()) {
          estimator.setClasses(images.classes().toArray(String[]::new));
        }
        NinModel model = estimator.fit(images.frame());
        model.write().overwrite().save(out);
        System.out.println("saved: " + out);
      }
      return 0;
    }
  }

  /** A line for each epoch. */
  private static final class Lines implements TrainingListener {
    @Override
    public void epochEnded(History history) {
      EpochResult result = history.last().orElseThrow();
      System.out.printf(
          Locale.ROOT,
          "epoch %d: loss %.4f, test accuracy %.4f, %.1f images/s%n",
          result.epoch(),
          result.trainLoss(),
          result.testAccuracy(),
          result.imagesPerSecond());
    }
  }

  /** Evaluates. */
  @Command(name = "evaluate", description = "Count right answers to the test images.")
  static final class Evaluate implements Callable<Integer> {
    @Option(names = "--model", required = true, description = MODEL)
    private String model;

    @Option(names = "--data", required = true, description = DATA)
    private String data;

    @Option(names = "--limit", description = "The first images of each set only.")
    private Optional<Integer> limit = Optional.empty();

    @Override
    public Integer call() throws Exception {
      try (SparkSession spark = session("evaluate")) {
        NinModel loaded = model(spark, model);
        Dataset<Row> test = labelled(spark, data, limit).frame().where(col("validation"));
        Dataset<Row> answers =
            loaded
                .transform(test)
                .where(col("prediction").isNotNull())
                .select("label", "prediction");
        long all = 0;
        long right = 0;
        for (Row row : answers.collectAsList()) {
          String answer = loaded.classes().get((int) row.getDouble(1));
          boolean named = row.get(0) instanceof String;
          all++;
          right +=
              named
                  ? (answer.equals(row.getString(0)) ? 1 : 0)
                  : (row.getInt(0) == (int) row.getDouble(1) ? 1 : 0);
        }
        System.out.printf(
            Locale.ROOT, "accuracy %.4f: %d of %d images%n", (double) right / all, right, all);
      }
      return 0;
    }
  }

  /** Predicts. */
  @Command(name = "predict", description = "Answer for pictures, as lines of JSON.")
  static final class Predict implements Callable<Integer> {
    @Option(names = "--model", required = true, description = MODEL)
    private String model;

    @Option(names = "--images", required = true, description = "A folder or pattern of pictures.")
    private String images;

    @Option(names = "--out", required = true, description = "The folder for the answers.")
    private String out;

    @Option(names = "--top", description = "Likeliest classes of each. Default: 1.")
    private int top = 1;

    @Override
    public Integer call() throws Exception {
      try (SparkSession spark = session("predict")) {
        Dataset<Row> pictures =
            spark.read().format("binaryFile").option("recursiveFileLookup", "true").load(images);
        model(spark, model)
            .setInputCol("content")
            .setTopK(top)
            .transform(pictures)
            .select("path", "top")
            .write()
            .json(out);
        System.out.println("saved: " + out);
      }
      return 0;
    }
  }
}
