package org.nin4j.spark;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.ml.Estimator;
import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntArrayParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.param.StringArrayParam;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.types.StructType;
import org.nin4j.backend.Backend;
import org.nin4j.backend.choice.Devices;
import org.nin4j.data.ChannelStatistics;
import org.nin4j.data.TrainTest;
import org.nin4j.model.Network;
import org.nin4j.model.json.NetworkReader;
import org.nin4j.model.json.NetworkWriter;
import org.nin4j.tensor.Shape;
import org.nin4j.train.Trainer;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.TrainingStart;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.history.History;
import org.nin4j.train.recipe.Preprocessing;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.RecipeJson;
import org.nin4j.train.recipe.Recipes;
import org.nin4j.train.rounds.Rounds;
import org.nin4j.train.rounds.RoundsBackend;
import org.nin4j.train.session.Images;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Trains a network on the executors of a cluster, in {@link Rounds}: {@code tasks} of them, each of
 * {@code localSteps} steps. What comes out depends on these two and on the data, and not on how
 * many executors there are, nor on what becomes of them meanwhile.
 *
 * <pre>{@code
 * NinModel model =
 *     new NinEstimator().setNetwork("lenet").setEpochs(5).setTasks(4).setLocalSteps(8).fit(images);
 * }</pre>
 *
 * <p>A frame has columns {@code image}, {@code label} (numbers from 0 on, or names) and {@code
 * validation} (true for what is tested with after each epoch, on the driver). Its images are
 * brought to the driver in their order, and from there once to each executor.
 */
public final class NinEstimator extends Estimator<NinModel> implements DefaultParamsWritable {
  private static final Logger LOG = LoggerFactory.getLogger(NinEstimator.class);

  private final String uid;
  private final PredictionParams predicting;
  private final Param<String> labelCol;
  private final Param<String> validationCol;
  private final StringArrayParam classes;
  private final IntArrayParam imageShape;
  private final Param<String> recipe;
  private final Param<String> network;
  private final Param<String> dataset;
  private final IntParam epochs;
  private final IntParam trainingBatch;
  private final IntParam size;
  private final LongParam seed;
  private final IntParam tasks;
  private final IntParam localSteps;
  private final DoubleParam outerRate;
  private final DoubleParam outerMomentum;
  private final Param<String> checkpointDir;
  private final BooleanParam resume;
  private final DoubleParam checkpointMinutes;
  private transient Optional<TrainingListener> listener = Optional.empty();

  public NinEstimator() {
    this(Identifiable.randomUID("ninEstimator"));
  }

  public NinEstimator(String uid) {
    this.uid = uid;
    predicting = new PredictionParams(this);
    labelCol = new Param<>(this, "labelCol", "column of labels: numbers from 0 on, or names");
    validationCol = new Param<>(this, "validationCol", "column that is true for test images");
    classes = new StringArrayParam(this, "classes", "names of the classes by label");
    imageShape = new IntArrayParam(this, "imageShape", "channels, height and width of the images");
    recipe = new Param<>(this, "recipe", "name of a recipe, or one as JSON");
    network = new Param<>(this, "network", "name of a network, or one as JSON; empty: recipe's");
    dataset = new Param<>(this, "dataset", "what the data is called");
    epochs = new IntParam(this, "epochs", "passes over the images; the recipe's unless set");
    trainingBatch = new IntParam(this, "trainingBatch", "samples of a step, over all tasks");
    size = new IntParam(this, "size", "images are enlarged to squares of this side");
    seed = new LongParam(this, "seed", "of all that is drawn");
    tasks = new IntParam(this, "tasks", "how many parts a batch has, K");
    localSteps = new IntParam(this, "localSteps", "steps that a task takes in a round, H");
    outerRate = new DoubleParam(this, "outerRate", "rate of the outer step; 0 for none");
    outerMomentum = new DoubleParam(this, "outerMomentum", "momentum of the outer step");
    checkpointDir = new Param<>(this, "checkpointDir", "where the run is kept; empty: nowhere");
    resume = new BooleanParam(this, "resume", "go on with the run in checkpointDir, if there is");
    checkpointMinutes =
        new DoubleParam(this, "checkpointMinutes", "how often to save within an epoch; 0: never");
    setDefault(labelCol, "label");
    setDefault(validationCol, "validation");
    setDefault(recipe, Recipes.DEFAULT);
    setDefault(network, "");
    setDefault(dataset, "spark");
    setDefault(tasks, 2);
    setDefault(localSteps, 1);
    setDefault(outerRate, 0.0);
    setDefault(outerMomentum, 0.9);
    setDefault(checkpointDir, "");
    setDefault(resume, false);
    setDefault(checkpointMinutes, 5.0);
  }

  @Override
  public String uid() {
    return uid;
  }

  /**
   * Trains.
   *
   * @throws IllegalArgumentException if settings or columns do not fit each other or the cluster;
   *     no task of the training has started then
   * @throws org.nin4j.data.DataException if there is nothing to train or to test with
   * @throws org.nin4j.train.NumericalException if the loss or a parameter is no longer finite
   * @throws java.io.UncheckedIOException if {@code checkpointDir} cannot be written to
   */
  @Override
  public NinModel fit(Dataset<?> frame) {
    // What can be wrong without a look at the data is found first.
    Rounds rounds = rounds();
    Recipe wanted = recipe(rounds);
    TrainingImages columns = columns(frame.schema());
    JavaSparkContext spark = JavaSparkContext.fromSparkContext(frame.sparkSession().sparkContext());
    Cluster.requireVersion(spark.version(), scala.util.Properties.versionNumberString());
    Cluster.requireDevice(getOrDefault(predicting.device));
    Cluster cluster = new Cluster(spark.getConf(), System.getenv());
    if (computesOnProcessors()) {
      cluster.requireThreads();
    }
    Optional<HadoopFolder> folder =
        Optional.of(getOrDefault(checkpointDir))
            .filter(path -> !path.isEmpty())
            .map(path -> new HadoopFolder(path, spark.hadoopConfiguration()));
    folder.ifPresent(HadoopFolder::requireWritable);

    try (Backend driver = Devices.open(driverDevice(), cluster.threads())) {
      TrainTest data =
          columns.collect(
              frame.toDF(),
              getOrDefault(dataset),
              get(imageShape).map(NinEstimator::shape).getOrElse(Optional::<Shape>empty),
              wanted.size(),
              get(classes).map(List::of).getOrElse(List::<String>of),
              LOG::warn);
      Shape image = Images.shape(data.train());
      Network described = network(wanted, data.train().classNames().size());
      Recipe used =
          normalised(wanted, data).toBuilder()
              .network(described.name())
              .precision(wanted.precisionOn(driver))
              .build();
      long taskBytes = driver.prepare(rounds.taskPlan(used, described, image)).bytes();
      TaskDevice.Kind kind =
          TaskDevice.Kind.of(
              used,
              described,
              image,
              rounds,
              getOrDefault(predicting.device),
              cluster.threads(),
              driver.chosen());

      try (SparkWorkers workers = new SparkWorkers(spark, kind, described.name());
          RunOrNone run = RunOrNone.open(folder, flag(resume), start -> config(start, rounds))) {
        Trainer trainer =
            new Trainer(
                new RoundsBackend(driver, rounds, workers), used, described, data, listeners(run));
        cluster.requireMemory(
            rounds.tasks(), trainer.checkpointBytes(), taskBytes, Runtime.getRuntime().maxMemory());
        trainer.checkpointEvery(Duration.ofMillis(Math.round(60_000 * number(checkpointMinutes))));
        return model(train(trainer, run.begin(LOG::warn), data, run));
      }
    }
  }

  /** From where an earlier driver came, or from the beginning. */
  private static Checkpoint train(
      Trainer trainer, Optional<Checkpoint> earlier, TrainTest data, RunOrNone run) {
    if (earlier.isEmpty()) {
      return trainer.train();
    }
    earlier.get().requireClasses(data.train());
    if (earlier.get().complete()) {
      run.complete(earlier.get());
      return earlier.get();
    }
    return trainer.resume(earlier.get());
  }

  private NinModel model(Checkpoint trained) {
    return copyValues(NinModel.of(trained), ParamMap.empty()).setParent(this);
  }

  private Rounds rounds() {
    float rate = (float) number(outerRate);
    return new Rounds(
        whole(tasks),
        whole(localSteps),
        rate == 0
            ? Optional.empty()
            : Optional.of(new Rounds.Outer(rate, (float) number(outerMomentum))));
  }

  /** The recipe with what is set beside it. */
  private Recipe recipe(Rounds rounds) {
    String text = getOrDefault(recipe).strip();
    Recipe base =
        text.startsWith("{")
            ? RecipeJson.read(JsonParser.parseString(text).getAsJsonObject())
            : named(text);
    Recipe.Builder changed = base.toBuilder();
    if (!text.startsWith("{")) {
      changed.dataset(getOrDefault(dataset));
    }
    if (isSet(epochs)) {
      changed.epochs(whole(epochs));
    }
    if (isSet(trainingBatch)) {
      changed.batch(whole(trainingBatch));
    }
    if (isSet(size)) {
      changed.size(whole(size));
    }
    if (isSet(seed)) {
      changed.seed((Long) getOrDefault(seed));
    }
    Recipe wanted = changed.build();
    if (wanted.preprocessing() != Preprocessing.NONE) {
      throw new IllegalArgumentException("images are whitened on one machine only");
    }
    rounds.part(wanted.batch());
    return wanted;
  }

  private Recipe named(String name) {
    String given = getOrDefault(network).strip();
    if (given.isEmpty() || given.startsWith("{")) {
      return Recipes.named(name);
    }
    boolean standard = isSet(recipe) || Recipes.standardFits(given);
    return standard ? Recipes.named(name, given) : Recipes.of(given);
  }

  private Network network(Recipe of, int classCount) {
    String given = getOrDefault(network).strip();
    return given.startsWith("{") ? NetworkReader.parse(given) : of.network(classCount);
  }

  /** A named recipe's mean and deviation are of other images than these. */
  private Recipe normalised(Recipe wanted, TrainTest data) {
    if (getOrDefault(recipe).strip().startsWith("{")) {
      return wanted;
    }
    ChannelStatistics statistics = ChannelStatistics.of(data.train());
    return wanted.toBuilder()
        .mean(statistics.mean().stream().map(Double::floatValue).toList())
        .std(statistics.deviation().stream().map(d -> Math.max(1e-3f, d.floatValue())).toList())
        .build();
  }

  private static Optional<Shape> shape(int[] dims) {
    if (dims.length != 3 || dims[0] != 1 && dims[0] != 3) {
      throw new IllegalArgumentException(
          "imageShape is 1 or 3 channels, height and width, not " + Arrays.toString(dims));
    }
    return Optional.of(Shape.of(dims));
  }

  /** The driver makes updates and evaluates; on a GPU only if it stands beside one. */
  private String driverDevice() {
    return getOrDefault(predicting.device).equals("reference") ? "reference" : "cpu";
  }

  private boolean computesOnProcessors() {
    return List.of("cpu", "auto").contains(getOrDefault(predicting.device));
  }

  private JsonObject config(TrainingStart start, Rounds rounds) {
    JsonObject data = new JsonObject();
    data.addProperty("name", start.data());
    JsonObject divided = new JsonObject();
    divided.addProperty("tasks", rounds.tasks());
    divided.addProperty("local_steps", rounds.localSteps());
    rounds.outer().ifPresent(outer -> divided.addProperty("outer_rate", outer.rate()));
    rounds.outer().ifPresent(outer -> divided.addProperty("outer_momentum", outer.momentum()));
    JsonObject config = new JsonObject();
    config.addProperty("position", start.position().toString());
    config.add("recipe", RecipeJson.write(start.recipe()));
    config.add("network", NetworkWriter.write(start.network()));
    config.add("data", data);
    config.add("rounds", divided);
    return config;
  }

  private List<TrainingListener> listeners(RunOrNone run) {
    List<TrainingListener> listeners = new ArrayList<>(run.listeners());
    listeners.add(new Told());
    if (listener != null) {
      listener.ifPresent(listeners::add);
    }
    return listeners;
  }

  /** What a log tells. */
  private static final class Told implements TrainingListener {
    @Override
    public void remarked(String remark) {
      LOG.warn(remark);
    }

    @Override
    public void epochEnded(History history) {
      history
          .last()
          .ifPresent(
              r ->
                  LOG.info(
                      "epoch {}: loss {}, test accuracy {}",
                      r.epoch(),
                      r.trainLoss(),
                      r.testAccuracy()));
    }
  }

  /** A run's folder, where one is asked for. */
  private record RunOrNone(Optional<HadoopRun> run) implements AutoCloseable {
    static RunOrNone open(
        Optional<HadoopFolder> folder,
        boolean resume,
        java.util.function.Function<TrainingStart, JsonObject> config) {
      return new RunOrNone(folder.map(f -> HadoopRun.open(f, resume, config, LOG::warn)));
    }

    List<TrainingListener> listeners() {
      return run.<List<TrainingListener>>map(List::of).orElse(List.of());
    }

    Optional<Checkpoint> begin(Consumer<String> remarks) {
      return run.flatMap(r -> r.begin(remarks));
    }

    void complete(Checkpoint complete) {
      run.ifPresent(r -> r.complete(complete));
    }

    @Override
    public void close() {
      run.ifPresent(HadoopRun::close);
    }
  }

  private TrainingImages columns(StructType schema) {
    return TrainingImages.of(
        schema,
        getOrDefault(predicting.inputCol),
        getOrDefault(labelCol),
        getOrDefault(validationCol));
  }

  @Override
  public StructType transformSchema(StructType schema) {
    columns(schema);
    return NinModel.appended(schema, getOrDefault(predicting.inputCol), predicting.outputs(this));
  }

  @Override
  public NinEstimator copy(ParamMap extra) {
    NinEstimator copy = copyValues(new NinEstimator(uid), extra);
    copy.listener = listener == null ? Optional.empty() : listener;
    return copy;
  }

  /** Reads what {@link #write} has written. */
  public static MLReader<NinEstimator> read() {
    return new DefaultParamsReader<>();
  }

  /** The same. */
  public static NinEstimator load(String path) {
    return read().load(path);
  }

  /** Somebody on the driver who is told how a training goes; not saved. */
  public NinEstimator setListener(TrainingListener told) {
    listener = Optional.of(told);
    return this;
  }

  private int whole(IntParam param) {
    return (Integer) getOrDefault(param);
  }

  private double number(DoubleParam param) {
    return (Double) getOrDefault(param);
  }

  private boolean flag(BooleanParam param) {
    return (Boolean) getOrDefault(param);
  }

  public Param<String> inputCol() {
    return predicting.inputCol;
  }

  public NinEstimator setInputCol(String value) {
    set(predicting.inputCol, value);
    return this;
  }

  public Param<String> predictionCol() {
    return predicting.predictionCol;
  }

  public NinEstimator setPredictionCol(String value) {
    set(predicting.predictionCol, value);
    return this;
  }

  public Param<String> probabilityCol() {
    return predicting.probabilityCol;
  }

  public NinEstimator setProbabilityCol(String value) {
    set(predicting.probabilityCol, value);
    return this;
  }

  public Param<String> rawPredictionCol() {
    return predicting.rawPredictionCol;
  }

  public NinEstimator setRawPredictionCol(String value) {
    set(predicting.rawPredictionCol, value);
    return this;
  }

  public Param<String> topCol() {
    return predicting.topCol;
  }

  public NinEstimator setTopCol(String value) {
    set(predicting.topCol, value);
    return this;
  }

  public IntParam topK() {
    return predicting.topK;
  }

  public NinEstimator setTopK(int value) {
    set(predicting.topK, value);
    return this;
  }

  public IntParam batchSize() {
    return predicting.batchSize;
  }

  public NinEstimator setBatchSize(int value) {
    set(predicting.batchSize, value);
    return this;
  }

  public BooleanParam dropInvalid() {
    return predicting.dropInvalid;
  }

  public NinEstimator setDropInvalid(boolean value) {
    set(predicting.dropInvalid, value);
    return this;
  }

  public Param<String> device() {
    return predicting.device;
  }

  public NinEstimator setDevice(String value) {
    set(predicting.device, value);
    return this;
  }

  public Param<String> labelCol() {
    return labelCol;
  }

  public NinEstimator setLabelCol(String value) {
    set(labelCol, value);
    return this;
  }

  public Param<String> validationCol() {
    return validationCol;
  }

  public NinEstimator setValidationCol(String value) {
    set(validationCol, value);
    return this;
  }

  public StringArrayParam classes() {
    return classes;
  }

  public NinEstimator setClasses(String... value) {
    set(classes, value);
    return this;
  }

  public IntArrayParam imageShape() {
    return imageShape;
  }

  public NinEstimator setImageShape(int... value) {
    set(imageShape, value);
    return this;
  }

  public Param<String> recipe() {
    return recipe;
  }

  public NinEstimator setRecipe(String value) {
    set(recipe, value);
    return this;
  }

  public Param<String> network() {
    return network;
  }

  public NinEstimator setNetwork(String value) {
    set(network, value);
    return this;
  }

  public Param<String> dataset() {
    return dataset;
  }

  public NinEstimator setDataset(String value) {
    set(dataset, value);
    return this;
  }

  public IntParam epochs() {
    return epochs;
  }

  public NinEstimator setEpochs(int value) {
    set(epochs, value);
    return this;
  }

  public IntParam trainingBatch() {
    return trainingBatch;
  }

  public NinEstimator setTrainingBatch(int value) {
    set(trainingBatch, value);
    return this;
  }

  public IntParam size() {
    return size;
  }

  public NinEstimator setSize(int value) {
    set(size, value);
    return this;
  }

  public LongParam seed() {
    return seed;
  }

  public NinEstimator setSeed(long value) {
    set(seed, value);
    return this;
  }

  public IntParam tasks() {
    return tasks;
  }

  public NinEstimator setTasks(int value) {
    set(tasks, value);
    return this;
  }

  public IntParam localSteps() {
    return localSteps;
  }

  public NinEstimator setLocalSteps(int value) {
    set(localSteps, value);
    return this;
  }

  public DoubleParam outerRate() {
    return outerRate;
  }

  public NinEstimator setOuterRate(double value) {
    set(outerRate, value);
    return this;
  }

  public DoubleParam outerMomentum() {
    return outerMomentum;
  }

  public NinEstimator setOuterMomentum(double value) {
    set(outerMomentum, value);
    return this;
  }

  public Param<String> checkpointDir() {
    return checkpointDir;
  }

  public NinEstimator setCheckpointDir(String value) {
    set(checkpointDir, value);
    return this;
  }

  public BooleanParam resume() {
    return resume;
  }

  public NinEstimator setResume(boolean value) {
    set(resume, value);
    return this;
  }

  public DoubleParam checkpointMinutes() {
    return checkpointMinutes;
  }

  public NinEstimator setCheckpointMinutes(double value) {
    set(checkpointMinutes, value);
    return this;
  }
}
