package org.nin4j.spark;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.ml.Model;
import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsWriter;
import org.apache.spark.ml.util.Identifiable;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.ml.util.MLWritable;
import org.apache.spark.ml.util.MLWriter;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.CheckpointException;
import org.nin4j.train.history.History;
import scala.Option;

/**
 * A trained network that answers for a column of images. Appends the label of the likeliest class
 * ({@code prediction}, a double), {@code probability} and {@code rawPrediction} (vectors by label),
 * and with {@code topK} the likeliest classes by name. A row without a readable image gets nulls,
 * or is dropped with {@code dropInvalid}; no job fails of it.
 *
 * <pre>{@code
 * NinModel model = NinModel.ofCheckpoint(spark, "hdfs:///runs/shoes/best.safetensors");
 * model.setInputCol("content").transform(spark.read().format("binaryFile").load("shoes/"));
 * }</pre>
 */
public final class NinModel extends Model<NinModel> implements MLWritable {
  private static final String FOLDER = "checkpoint";

  private final String uid;
  private final ModelFiles files;
  private final PredictionParams predicting;
  private transient Optional<Checkpoint> read = Optional.empty();
  private transient Map<JavaSparkContext, Broadcast<ModelFiles>> sent = new LinkedHashMap<>();

  NinModel(String uid, ModelFiles files) {
    this.uid = uid;
    this.files = files;
    predicting = new PredictionParams(this);
  }

  /**
   * A model of a checkpoint, such as a training on one machine writes.
   *
   * @throws CheckpointException if it is none, or damaged
   */
  public static NinModel of(Checkpoint checkpoint) {
    return new NinModel(Identifiable.randomUID("nin"), ModelFiles.of(checkpoint));
  }

  /**
   * The same from a file, wherever Hadoop reads from.
   *
   * @throws CheckpointException if it is none, or damaged
   * @throws java.io.UncheckedIOException if it cannot be read
   */
  public static NinModel ofCheckpoint(SparkSession spark, String file) {
    int slash = file.lastIndexOf('/');
    HadoopFolder folder =
        new HadoopFolder(
            slash < 0 ? "." : file.substring(0, Math.max(1, slash)),
            spark.sparkContext().hadoopConfiguration());
    Map<String, byte[]> byName = new TreeMap<>();
    byName.put(ModelFiles.MODEL, folder.read(file.substring(slash + 1)));
    for (String name : folder.names()) {
      if (name.startsWith("whitening-")) {
        byName.put(name, folder.read(name));
      }
    }
    NinModel model = new NinModel(Identifiable.randomUID("nin"), new ModelFiles(byName));
    model.checkpoint();
    return model;
  }

  @Override
  public String uid() {
    return uid;
  }

  /** What was trained. */
  public synchronized Checkpoint checkpoint() {
    if (read == null || read.isEmpty()) {
      read = Optional.of(files.checkpoint());
    }
    return read.get();
  }

  /** The classes by label. */
  public List<String> classes() {
    return checkpoint().classes();
  }

  /** Results of the epochs that it was trained. */
  public History history() {
    return checkpoint().history();
  }

  @Override
  public Dataset<Row> transform(Dataset<?> dataset) {
    StructType result = transformSchema(dataset.schema());
    JavaSparkContext spark =
        JavaSparkContext.fromSparkContext(dataset.sparkSession().sparkContext());
    Cluster.requireDevice(getOrDefault(predicting.device));
    Cluster cluster = new Cluster(spark.getConf(), System.getenv());
    Predictor predictor =
        new Predictor(
            send(spark),
            ImageColumn.of(dataset.schema(), getOrDefault(predicting.inputCol)),
            checkpoint().image().dims().stream().mapToInt(i -> i).toArray(),
            predicting.outputs(this).values().toArray(Predictor.Output[]::new),
            (Integer) getOrDefault(predicting.topK),
            (Integer) getOrDefault(predicting.batchSize),
            (Boolean) getOrDefault(predicting.dropInvalid),
            getOrDefault(predicting.device),
            cluster.threads());
    MapPartitionsFunction<Row, Row> answer = predictor::answer;
    return dataset.toDF().mapPartitions(answer, Encoders.row(result));
  }

  /** Once for each context; not as long as somebody may look at what was made with it. */
  private synchronized Broadcast<ModelFiles> send(JavaSparkContext spark) {
    if (sent == null) {
      sent = new LinkedHashMap<>();
    }
    return sent.computeIfAbsent(spark, context -> context.broadcast(files));
  }

  @Override
  public StructType transformSchema(StructType schema) {
    return appended(schema, getOrDefault(predicting.inputCol), predicting.outputs(this));
  }

  /** A schema with what is appended. */
  static StructType appended(
      StructType schema, String input, Map<String, Predictor.Output> outputs) {
    ImageColumn.of(schema, input);
    StructType result = schema;
    for (Map.Entry<String, Predictor.Output> output : outputs.entrySet()) {
      if (Arrays.asList(result.fieldNames()).contains(output.getKey())) {
        throw new IllegalArgumentException(
            Text.of("there is a column %s already: drop it, or name another", output.getKey()));
      }
      result = result.add(output.getKey(), output.getValue().type, true);
    }
    return result;
  }

  @Override
  public NinModel copy(ParamMap extra) {
    NinModel copy = copyValues(new NinModel(uid, files), extra);
    return copy.setParent(parent());
  }

  @Override
  public MLWriter write() {
    return new Writer(this);
  }

  /** Reads what {@link #write} has written. */
  public static MLReader<NinModel> read() {
    return new Reader();
  }

  /** The same. */
  public static NinModel load(String path) {
    return read().load(path);
  }

  private static final class Writer extends MLWriter {
    private final NinModel model;

    Writer(NinModel model) {
      this.model = model;
    }

    @Override
    public void saveImpl(String path) {
      DefaultParamsWriter.saveMetadata(model, path, sparkSession());
      HadoopFolder folder = folder(path, sparkSession());
      model.files.byName().forEach(folder::write);
    }
  }

  private static final class Reader extends MLReader<NinModel> {
    @Override
    public NinModel load(String path) {
      DefaultParamsReader.Metadata metadata =
          DefaultParamsReader.loadMetadata(path, sparkSession(), NinModel.class.getName());
      HadoopFolder folder = folder(path, sparkSession());
      Map<String, byte[]> byName = new TreeMap<>();
      folder.names().forEach(name -> byName.put(name, folder.read(name)));
      NinModel model = new NinModel(metadata.uid(), new ModelFiles(byName));
      metadata.getAndSetParams(model, Option.empty());
      model.checkpoint();
      return model;
    }
  }

  private static HadoopFolder folder(String path, SparkSession spark) {
    return new HadoopFolder(path + "/" + FOLDER, spark.sparkContext().hadoopConfiguration());
  }

  public Param<String> inputCol() {
    return predicting.inputCol;
  }

  public NinModel setInputCol(String value) {
    set(predicting.inputCol, value);
    return this;
  }

  public Param<String> predictionCol() {
    return predicting.predictionCol;
  }

  public NinModel setPredictionCol(String value) {
    set(predicting.predictionCol, value);
    return this;
  }

  public Param<String> probabilityCol() {
    return predicting.probabilityCol;
  }

  public NinModel setProbabilityCol(String value) {
    set(predicting.probabilityCol, value);
    return this;
  }

  public Param<String> rawPredictionCol() {
    return predicting.rawPredictionCol;
  }

  public NinModel setRawPredictionCol(String value) {
    set(predicting.rawPredictionCol, value);
    return this;
  }

  public Param<String> topCol() {
    return predicting.topCol;
  }

  public NinModel setTopCol(String value) {
    set(predicting.topCol, value);
    return this;
  }

  public IntParam topK() {
    return predicting.topK;
  }

  public NinModel setTopK(int value) {
    set(predicting.topK, value);
    return this;
  }

  public IntParam batchSize() {
    return predicting.batchSize;
  }

  public NinModel setBatchSize(int value) {
    set(predicting.batchSize, value);
    return this;
  }

  public BooleanParam dropInvalid() {
    return predicting.dropInvalid;
  }

  public NinModel setDropInvalid(boolean value) {
    set(predicting.dropInvalid, value);
    return this;
  }

  public Param<String> device() {
    return predicting.device;
  }

  public NinModel setDevice(String value) {
    set(predicting.device, value);
    return this;
  }
}
