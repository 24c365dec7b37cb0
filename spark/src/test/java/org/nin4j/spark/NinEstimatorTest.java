package org.nin4j.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nin4j.data.DataException;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.CheckpointException;
import org.nin4j.train.rounds.Rounds;

class NinEstimatorTest {
  private static SparkSession spark;

  @BeforeAll
  static void start() {
    spark = Trial.session(Trial.settings("local[2,4]"));
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  @ParameterizedTest
  @CsvSource({"cpu, 2, 1", "cpu, 4, 3", "reference, 8, 2"})
  void trainsToTheBitsOfOneMachine(String device, int tasks, int localSteps) {
    Checkpoint expected =
        Trial.onOneMachine(Trial.recipe(), Trial.rounds(tasks, localSteps), device);
    NinModel model =
        Trial.estimator(Trial.recipe(), tasks, localSteps)
            .setDevice(device)
            .fit(Trial.frame(spark));
    Trial.assertSameBits(expected, model.checkpoint());
  }

  @Test
  void withAnOuterStep() {
    Checkpoint expected =
        Trial.onOneMachine(
            Trial.recipe(),
            new Rounds(2, 3, Optional.of(new Rounds.Outer(0.7f, 0.9f))),
            "reference");
    NinModel model =
        Trial.estimator(Trial.recipe(), 2, 3)
            .setOuterRate(0.7)
            .setDevice("reference")
            .fit(Trial.frame(spark));
    Trial.assertSameBits(expected, model.checkpoint());
  }

  /** By name: recipe, network, mean and deviation of these images, string labels. */
  @Test
  void settingsByName() {
    Dataset<Row> named =
        Trial.frame(spark)
            .withColumn("label", org.apache.spark.sql.functions.concat(lit("c"), col("label")));
    NinModel model =
        new NinEstimator()
            .setNetwork("lenet")
            .setEpochs(1)
            .setTrainingBatch(32)
            .setTasks(4)
            .fit(named);
    assertEquals("lenet", model.checkpoint().network().name());
    assertEquals("c0", model.classes().get(0));
    assertEquals(10, model.classes().size());
    assertEquals(1, model.history().epochs().size());
    assertEquals(1, model.checkpoint().recipe().mean().size());
    assertTrue(model.hasParent());
  }

  @Test
  void isSavedAndCopied(@TempDir Path folder) throws IOException {
    NinEstimator estimator =
        Trial.estimator(Trial.recipe(), 4, 8)
            .setClasses("a", "b")
            .setImageShape(1, 28, 28)
            .setOuterRate(0.5)
            .setTopK(3);
    String path = folder.resolve("estimator").toString();
    estimator.save(path);
    NinEstimator read = NinEstimator.load(path);
    assertEquals(estimator.uid(), read.uid());
    assertEquals(withoutAddresses(estimator), withoutAddresses(read));
    NinEstimator copy =
        estimator.copy(new ParamMap().put(estimator.tasks().w(2), estimator.topK().w(1)));
    assertTrue(copy.explainParam(copy.tasks()).contains("current: 2"));
    assertTrue(estimator.explainParam(estimator.tasks()).contains("current: 4"));
  }

  private static String withoutAddresses(NinEstimator estimator) {
    return estimator.explainParams().replaceAll("@[0-9a-f]+", "");
  }

  @Test
  void aRunIsKeptAndGoesOn(@TempDir Path folder) throws IOException {
    String run = folder.resolve("run").toUri().toString();
    NinEstimator estimator =
        Trial.estimator(Trial.recipe(), 2, 2).setCheckpointDir(run).setResume(true);
    Checkpoint undisturbed =
        Trial.estimator(Trial.recipe(), 2, 2).fit(Trial.frame(spark)).checkpoint();
    // A driver that dies of an exception when its second epoch ends.
    IllegalStateException death =
        assertThrows(
            IllegalStateException.class,
            () ->
                estimator
                    .copy(ParamMap.empty())
                    .setListener(
                        new TrainingListener() {
                          @Override
                          public void checkpointed(Checkpoint checkpoint, boolean best) {
                            if (checkpoint.position().epoch() == 2) {
                              throw new IllegalStateException("killed");
                            }
                          }
                        })
                    .fit(Trial.frame(spark)));
    assertEquals("killed", death.getMessage());
    assertEquals(
        List.of("best.safetensors", "config.json", "curves.png", "history.csv", "last.safetensors"),
        names(folder.resolve("run")));
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class,
            () -> estimator.copy(ParamMap.empty()).setResume(false).fit(Trial.frame(spark)));
    assertTrue(
        refused.getMessage().contains("holds a run already; set resume"), refused::getMessage);
    Trial.assertSameBits(undisturbed, estimator.fit(Trial.frame(spark)).checkpoint());
    // A run that is complete is not trained again.
    Trial.assertSameBits(
        undisturbed,
        estimator
            .setListener(
                new TrainingListener() {
                  @Override
                  public void checkpointed(Checkpoint checkpoint, boolean best) {
                    throw new IllegalStateException("trained again");
                  }
                })
            .fit(Trial.frame(spark))
            .checkpoint());
    assertEquals(
        Checkpoint.read(folder.resolve("run/last.safetensors")).history(),
        NinModel.ofCheckpoint(spark, run + "/last.safetensors").history());
    // Other classes than the run's.
    assertThrows(
        CheckpointException.class,
        () ->
            Trial.estimator(Trial.recipe().toBuilder().epochs(9).build(), 2, 2)
                .setCheckpointDir(run)
                .setResume(true)
                .setClasses("a", "b", "c", "d", "e", "f", "g", "h", "i", "j")
                .fit(Trial.frame(spark)));
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> !name.startsWith("."))
          .sorted()
          .toList();
    }
  }

  /** Without a look at the data, and so before any task. */
  @Test
  void whatCannotBeIsSaidBeforeAnyTaskStarts(@TempDir Path folder) throws IOException {
    int[] jobs = {0};
    SparkListener counting =
        new SparkListener() {
          @Override
          public void onJobStart(SparkListenerJobStart start) {
            jobs[0]++;
          }
        };
    Dataset<Row> frame = Trial.frame(spark);
    spark.sparkContext().addSparkListener(counting);
    says("a round has at least 1 task, not 0", Trial.estimator(Trial.recipe(), 0, 1), frame);
    says("a round has at least 1 local step, not 0", Trial.estimator(Trial.recipe(), 1, 0), frame);
    says(
        "a batch of 16 cannot be divided among 3 tasks; take a multiple of 3",
        Trial.estimator(Trial.recipe(), 3, 1),
        frame);
    says(
        "there is no column picture of images; there are image, label, validation",
        Trial.estimator(Trial.recipe(), 2, 1).setInputCol("picture"),
        frame);
    says(
        "column label is int; images are structs of the image source, binary, or vectors of pixels",
        Trial.estimator(Trial.recipe(), 2, 1).setInputCol("label"),
        frame);
    says(
        "there is no column validation for what is for testing; there are image, label",
        Trial.estimator(Trial.recipe(), 2, 1),
        frame.drop("validation"));
    says(
        "column label is boolean; labels are numbers from 0 on, or names",
        Trial.estimator(Trial.recipe(), 2, 1),
        frame.withColumn("label", lit(true)));
    says(
        "images are whitened on one machine only",
        new NinEstimator().setNetwork("nin-cifar"),
        frame);
    says(
        "there is no device 'abacus'; there are auto, cuda, cuda:INDEX, cpu or reference",
        Trial.estimator(Trial.recipe(), 2, 1).setDevice("abacus"),
        frame);
    Files.writeString(folder.resolve("file"), "");
    UncheckedIOException unwritable =
        assertThrows(
            UncheckedIOException.class,
            () ->
                Trial.estimator(Trial.recipe(), 2, 1)
                    .setCheckpointDir(folder.resolve("file/run").toString())
                    .fit(frame));
    assertTrue(unwritable.getMessage().contains("cannot be written"), unwritable::getMessage);
    UncheckedIOException nowhere =
        assertThrows(
            UncheckedIOException.class,
            () ->
                Trial.estimator(Trial.recipe(), 2, 1).setCheckpointDir("nowhere://run").fit(frame));
    assertTrue(nowhere.getMessage().contains("nowhere://run is no place"), nowhere::getMessage);
    spark.sparkContext().removeSparkListener(counting);
    assertEquals(0, jobs[0]);
  }

  private static void says(String message, NinEstimator estimator, Dataset<Row> frame) {
    assertEquals(
        message,
        assertThrows(IllegalArgumentException.class, () -> estimator.fit(frame)).getMessage());
  }

  @Test
  void dataThatIsNone() {
    Dataset<Row> frame = Trial.frame(spark);
    saysOfData(
        "column image holds no readable image to train or to test with; validation says which",
        frame.where("validation"));
    saysOfData(
        "column image holds no image that can be read",
        frame.withColumn("image", lit(null).cast("binary")));
    saysOfData("column label names 0 classes; there are 1 to 256", frame.where("false"));
    saysOfData(
        "column label holds 0.5; labels are whole numbers from 0 to 255",
        frame.withColumn("label", lit(0.5)));
    assertEquals(
        "column label holds 9.0; labels are whole numbers from 0 to 1",
        assertThrows(
                DataException.class,
                () ->
                    Trial.estimator(Trial.recipe(), 2, 1)
                        .setClasses("a", "b")
                        .fit(frame.withColumn("label", lit(9))))
            .getMessage());
  }

  private static void saysOfData(String message, Dataset<Row> frame) {
    assertEquals(
        message,
        assertThrows(DataException.class, () -> Trial.estimator(Trial.recipe(), 2, 1).fit(frame))
            .getMessage());
  }

  /** As on one machine: squares around the centre, where sizes differ. */
  @Test
  void imagesOfDifferentSizesAreCroppedAndResized() {
    Dataset<Row> mixed =
        Frames.of(spark, org.nin4j.data.shapes.Shapes.draw(5, 60, 20, 1), 2)
            .union(Frames.of(spark, Pictures.wide(4), 1));
    NinModel model = Trial.estimator(Trial.recipe().toBuilder().epochs(1).build(), 2, 1).fit(mixed);
    assertEquals("1×16×16", model.checkpoint().image().toString());
    assertFalse(model.history().epochs().isEmpty());
  }
}
