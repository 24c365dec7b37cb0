package org.nin4j.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.SparkConf;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.nin4j.backend.Backend;
import org.nin4j.backend.choice.Devices;
import org.nin4j.data.TrainTest;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.model.Activation;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;
import org.nin4j.model.json.NetworkWriter;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Sgd;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.train.Trainer;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.RecipeJson;
import org.nin4j.train.recipe.Recipes;
import org.nin4j.train.recipe.Schedule;
import org.nin4j.train.rounds.OneAfterTheOther;
import org.nin4j.train.rounds.RoundTask;
import org.nin4j.train.rounds.Rounds;
import org.nin4j.train.rounds.RoundsBackend;
import org.nin4j.train.rounds.Workers;
import org.nin4j.train.session.Images;

/** A training of moments, with all that must not depend on who computes what. */
final class Trial {
  static final TrainTest DATA = Shapes.draw(5, 90, 40, 1);
  static final Shape IMAGE = Images.shape(DATA.train());
  static final Network NETWORK =
      new Network(
          "tiny",
          Sequential.of(
              new Conv2d(8, 3, 1, 1),
              Activation.RELU,
              new MaxPool2d(2, 2),
              new Dropout(0.25f),
              new Conv2d(10, 3, 1, 1),
              Activation.RELU,
              new GlobalAvgPool2d(),
              new Flatten()));

  private Trial() {}

  static Recipe recipe() {
    return Recipes.d2l().toBuilder()
        .network("tiny")
        .dataset("shapes")
        .size(16)
        .batch(16)
        .epochs(3)
        .augmentation(new BatchSpec.Augmentation(true, 2, 3))
        .optimizer(new Sgd(0.9f, true, 1e-3f))
        .schedule(new Schedule.Cosine(0.05f, 0.2f))
        .labelSmoothing(0.1f)
        .build();
  }

  static NinEstimator estimator(Recipe recipe, int tasks, int localSteps) {
    return new NinEstimator()
        .setRecipe(RecipeJson.write(recipe).toString())
        .setNetwork(NetworkWriter.write(NETWORK).toString())
        .setTasks(tasks)
        .setLocalSteps(localSteps);
  }

  static SparkConf settings(String master) {
    return new SparkConf()
        .setMaster(master)
        .setAppName("NiN4J tests")
        .set("spark.ui.enabled", "false")
        .set("spark.driver.host", "127.0.0.1")
        .set("spark.driver.bindAddress", "127.0.0.1")
        .set("spark.sql.shuffle.partitions", "2");
  }

  static SparkSession session(SparkConf settings) {
    SparkSession session = SparkSession.builder().config(settings).getOrCreate();
    session.sparkContext().setLogLevel("ERROR");
    return session;
  }

  static Dataset<Row> frame(SparkSession spark) {
    return Frames.of(spark, DATA, 3);
  }

  /** The same on one machine, without Spark. */
  static Checkpoint onOneMachine(Recipe recipe, Rounds rounds, String device) {
    try (Backend backend = Devices.open(device, 1);
        Workers workers =
            new OneAfterTheOther(
                new RoundTask(backend, rounds, recipe, NETWORK, IMAGE), rounds.tasks())) {
      return new Trainer(
              new RoundsBackend(backend, rounds, workers), recipe, NETWORK, DATA, List.of())
          .train();
    }
  }

  static Rounds rounds(int tasks, int localSteps) {
    return new Rounds(tasks, localSteps, Optional.empty());
  }

  static void assertSameBits(Checkpoint expected, Checkpoint actual) {
    assertSameBits(expected.parameters(), actual.parameters());
    assertSameBits(expected.optimizerState(), actual.optimizerState());
    assertEquals(
        expected.history().epochs().stream().map(Trial::timeless).toList(),
        actual.history().epochs().stream().map(Trial::timeless).toList());
  }

  private static void assertSameBits(
      Map<String, HostTensor> expected, Map<String, HostTensor> actual) {
    assertEquals(expected.keySet(), actual.keySet());
    expected.forEach(
        (name, values) -> assertArrayEquals(values.values(), actual.get(name).values(), name));
  }

  private static List<Number> timeless(EpochResult r) {
    return List.of(r.trainLoss(), r.trainAccuracy(), r.testLoss(), r.testAccuracy(), r.deadUnits());
  }
}
