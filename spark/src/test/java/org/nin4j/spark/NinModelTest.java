package org.nin4j.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.imageio.ImageIO;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.evaluation.MulticlassClassificationEvaluator;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.Backend;
import org.nin4j.backend.choice.Devices;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.picture.ImageFile;
import org.nin4j.data.picture.Picture;
import org.nin4j.train.Classifier;
import org.nin4j.train.Prediction;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.CheckpointException;

class NinModelTest {
  private static SparkSession spark;
  private static Checkpoint checkpoint;
  private static final ImageDataset TEST = Trial.DATA.test();

  @BeforeAll
  static void start() {
    spark = Trial.session(Trial.settings("local[2,4]"));
    checkpoint =
        Trial.onOneMachine(Trial.recipe().toBuilder().epochs(1).build(), Trial.rounds(1, 1), "cpu");
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static List<Prediction> alone() {
    try (Backend backend = Devices.open("cpu", 1);
        Classifier classifier = new Classifier(checkpoint, backend)) {
      return classifier.classify(images());
    }
  }

  private static List<byte[]> images() {
    List<byte[]> images = new ArrayList<>();
    for (int i = 0; i < TEST.count(); i++) {
      byte[] image = new byte[TEST.imageSize()];
      TEST.copyImage(i, image, 0);
      images.add(image);
    }
    return images;
  }

  private static Dataset<Row> vectors(List<Vector> vectors) {
    List<Row> rows = vectors.stream().map(RowFactory::create).toList();
    return spark.createDataFrame(
        JavaSparkContext.fromSparkContext(spark.sparkContext()).parallelize(rows, 2),
        new StructType().add("pixels", SQLDataTypes.VectorType()));
  }

  private static Vector vector(byte[] image) {
    double[] values = new double[image.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = image[i] & 0xff;
    }
    return Vectors.dense(values);
  }

  /** Groups differ from those of a call, and with them perhaps the last bits. */
  private static void assertAnswers(List<Prediction> expected, List<Row> rows) {
    assertEquals(expected.size(), rows.size());
    for (int i = 0; i < rows.size(); i++) {
      Prediction prediction = expected.get(i);
      assertEquals(prediction.best().label(), rows.get(i).<Double>getAs("prediction"));
      double[] probabilities = rows.get(i).<Vector>getAs("probability").toArray();
      assertArrayEquals(
          prediction.probabilities().stream().mapToDouble(p -> p).toArray(), probabilities, 1e-6);
      assertEquals(
          Math.log(probabilities[3]), rows.get(i).<Vector>getAs("rawPrediction").apply(3), 1e-12);
    }
  }

  @Test
  void imagesAndVectorsGetTheAnswersOfOneMachine() {
    NinModel model = NinModel.of(checkpoint).setBatchSize(7);
    List<Prediction> expected = alone();
    assertAnswers(
        expected, model.transform(Trial.frame(spark).where("validation")).collectAsList());
    assertAnswers(
        expected,
        model
            .copy(ParamMap.empty())
            .setInputCol("pixels")
            .transform(vectors(images().stream().map(NinModelTest::vector).toList()))
            .collectAsList());
  }

  @Test
  void theLikeliestByName() {
    List<Row> rows =
        NinModel.of(checkpoint)
            .setTopK(3)
            .setProbabilityCol("")
            .setRawPredictionCol("")
            .transform(Trial.frame(spark).where("validation"))
            .collectAsList();
    assertEquals(
        List.of("image", "label", "validation", "prediction", "top"),
        Arrays.asList(rows.get(0).schema().fieldNames()));
    List<Row> top = rows.get(0).getList(4);
    assertEquals(3, top.size());
    List<Prediction.Answer> expected = alone().get(0).top(3);
    assertEquals(expected.get(0).name(), top.get(0).getString(1));
    assertEquals(expected.get(2).probability(), top.get(2).getDouble(2), 1e-6);
  }

  /** Spark's own sources: a picture, one in colours, one that is none. */
  @Test
  void filesThatCannotBeReadAreNullsOrLeftOut(@TempDir Path folder) throws IOException {
    write(folder.resolve("a.png"), BufferedImage.TYPE_BYTE_GRAY, "png");
    Files.writeString(folder.resolve("b.png"), "no picture");
    write(folder.resolve("c.jpg"), BufferedImage.TYPE_INT_RGB, "jpg");
    write(folder.resolve("d.png"), BufferedImage.TYPE_INT_ARGB, "png");
    List<Prediction> expected = new ArrayList<>();
    try (Backend backend = Devices.open("cpu", 1);
        Classifier classifier = new Classifier(checkpoint, backend)) {
      for (String name : List.of("a.png", "c.jpg", "d.png")) {
        expected.add(
            classifier.classify(
                ImageFile.read(folder.resolve(name), checkpoint.image(), Picture.Fit.CROP, false)));
      }
    }
    Dataset<Row> files = spark.read().format("binaryFile").load(folder.toString()).orderBy("path");
    NinModel model = NinModel.of(checkpoint).setInputCol("content");
    List<Row> all = model.transform(files).collectAsList();
    assertEquals(4, all.size());
    assertTrue(all.get(1).isNullAt(all.get(1).fieldIndex("prediction")));
    assertTrue(all.get(1).isNullAt(all.get(1).fieldIndex("probability")));
    assertAnswers(expected, List.of(all.get(0), all.get(2), all.get(3)));
    assertAnswers(expected, model.setDropInvalid(true).transform(files).collectAsList());

    Dataset<Row> images =
        spark.read().format("image").load(folder.toString()).orderBy("image.origin");
    List<Row> decoded = NinModel.of(checkpoint).transform(images).collectAsList();
    assertEquals(4, decoded.size());
    assertTrue(decoded.get(1).isNullAt(1));
    assertAnswers(expected, List.of(decoded.get(0), decoded.get(2), decoded.get(3)));
    assertEquals(
        3,
        NinModel.of(checkpoint)
            .transform(
                spark.read().format("image").option("dropInvalid", true).load(folder.toString()))
            .count());
  }

  private static void write(Path file, int type, String format) throws IOException {
    BufferedImage image = new BufferedImage(40, 28, type);
    for (int y = 0; y < 28; y++) {
      for (int x = 0; x < 40; x++) {
        image.setRGB(x, y, 0xff000000 | (x * 6) << 16 | (y * 9) << 8 | (x * y) % 256);
      }
    }
    assertTrue(ImageIO.write(image, format, new File(file.toString())));
  }

  @Test
  void vectorsThatAreNoImagesAreNulls() {
    List<Vector> vectors = new ArrayList<>();
    vectors.add(vector(images().get(0)));
    vectors.add(Vectors.dense(1, 2, 3));
    vectors.add(Vectors.dense(new double[784]));
    double[] negative = new double[784];
    negative[5] = -1;
    vectors.add(Vectors.dense(negative));
    vectors.add(null);
    List<Row> rows =
        NinModel.of(checkpoint).setInputCol("pixels").transform(vectors(vectors)).collectAsList();
    int at = rows.get(0).fieldIndex("prediction");
    assertEquals(
        List.of(false, true, false, true, true),
        rows.stream().map(row -> row.isNullAt(at)).toList());
  }

  @Test
  void isSavedAndLoaded(@TempDir Path folder) throws IOException {
    NinModel model = NinModel.of(checkpoint).setTopK(2);
    String path = folder.resolve("model").toUri().toString();
    model.save(path);
    NinModel read = NinModel.load(path);
    assertEquals(model.uid(), read.uid());
    assertEquals(model.explainParams(), read.explainParams());
    Trial.assertSameBits(checkpoint, read.checkpoint());
    assertEquals(checkpoint.classes(), read.classes());
    assertThrows(IOException.class, () -> model.save(path));
    model.write().overwrite().save(path);

    Path file = folder.resolve("model/checkpoint/" + ModelFiles.MODEL);
    Files.deleteIfExists(file.resolveSibling("." + ModelFiles.MODEL + ".crc"));
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 3] ^= 4;
    Files.write(file, bytes);
    assertThrows(CheckpointException.class, () -> NinModel.load(path));
  }

  /** As any other stage: fit, saved, read, evaluated by Spark. */
  @Test
  void worksInAPipeline(@TempDir Path folder) throws IOException {
    Pipeline pipeline =
        new Pipeline()
            .setStages(
                new PipelineStage[] {
                  Trial.estimator(Trial.recipe().toBuilder().epochs(1).build(), 2, 2)
                });
    PipelineModel model = pipeline.fit(Trial.frame(spark));
    String path = folder.resolve("pipeline").toString();
    model.save(path);
    Dataset<Row> answers =
        PipelineModel.load(path).transform(Trial.frame(spark).where("validation"));
    double accuracy =
        new MulticlassClassificationEvaluator().setMetricName("accuracy").evaluate(answers);
    NinModel trained = (NinModel) model.stages()[0];
    assertEquals(trained.history().last().orElseThrow().testAccuracy(), accuracy, 1e-12);
    assertNotEquals(0, answers.columns().length);
  }

  @Test
  void whatCannotBeIsSaid() {
    NinModel model = NinModel.of(checkpoint);
    Dataset<Row> frame = Trial.frame(spark);
    says(
        "there is a column label already: drop it, or name another",
        () -> model.copy(ParamMap.empty()).setPredictionCol("label").transform(frame));
    says(
        "there is no column image of images; there are label, validation",
        () -> model.transform(frame.drop("image")));
    says(
        "there is no device 'abacus'; there are auto, cuda, cuda:INDEX, cpu or reference",
        () -> model.copy(ParamMap.empty()).setDevice("abacus").transform(frame));
    StructType schema = model.transformSchema(frame.schema());
    assertEquals(DataTypes.DoubleType, schema.apply("prediction").dataType());
    assertEquals(schema, model.transform(frame).schema());
  }

  private static void says(String message, Runnable action) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, action::run).getMessage());
  }
}
