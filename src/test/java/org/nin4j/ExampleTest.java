package org.nin4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.nin4j.model.Activation.RELU;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.Samples;
import org.nin4j.backend.Session;
import org.nin4j.backend.choice.Devices;
import org.nin4j.data.TrainTest;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Identity;
import org.nin4j.model.Initialisation;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.NinBlock;
import org.nin4j.model.Sequential;
import org.nin4j.model.Sum;
import org.nin4j.model.json.NetworkReader;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.Shape;
import org.nin4j.train.Classifier;
import org.nin4j.train.Trainer;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;
import org.nin4j.train.recipe.Schedule;

/** The library as programs use it; the same code stands in the documentation of its packages. */
class ExampleTest {
  @TempDir private Path folder;

  @Test
  void describePlanBindRun() {
    // Describe
    Network network =
        new Network(
            "small",
            Sequential.of(
                NinBlock.of(8, 5, 2, 2),
                new MaxPool2d(3, 2),
                new Conv2d(10, 1, 1, 0),
                new GlobalAvgPool2d(),
                new Flatten()));
    // Plan
    BatchSpec images = BatchSpec.unit(Shape.of(1, 28, 28), 14, 14);
    Plan plan =
        Planner.plan(
            network, images, 4, Precision.FP32, new Purpose.Training(new Sgd(0.9f, true, 0)));
    // Bind
    try (Backend backend = Devices.open("reference", 1);
        Session session = backend.bind(backend.prepare(plan))) {
      var parameters = plan.tensors(Role.PARAMETER);
      var drawn = network.parameters(images.output());
      for (int i = 0; i < drawn.size(); i++) {
        session.write(parameters.get(i), Initialisation.HE_UNIFORM.draw(drawn.get(i), i, 1));
      }
      var shapes = Shapes.draw(1, 8, 1, 1).train();
      session.load(new Samples(shapes.pixels(), shapes.labels(), shapes.count(), images.source()));
      // Run
      int[] order = {0, 1, 2, 3, 4, 5, 6, 7};
      session.begin(new Epoch(1, 0, order, new float[] {0.01f, 0.01f}));
      session.run();
      session.run();
      Metrics metrics = session.metrics();
      assertEquals(8, metrics.samples());
      assertTrue(metrics.loss() > 1 && metrics.loss() < 10, () -> "loss " + metrics.loss());
    }
  }

  @Test
  void aNetworkOfOnesOwn() {
    // A residual block behind the stem, as in ResNet
    Network mine =
        new Network(
            "mine",
            Sequential.of(
                new Conv2d(8, 3, 1, 1),
                new BatchNorm(),
                RELU,
                new MaxPool2d(2, 2),
                Sum.of(
                    new Identity(), Sequential.of(new Conv2d(8, 3, 1, 1), new BatchNorm(), RELU)),
                new GlobalAvgPool2d(),
                new Flatten(),
                new Linear(10)));
    assertEquals(
        mine,
        NetworkReader.parse(
            """
            {"name": "mine", "layers": [
              {"kind": "conv", "channels": 8, "kernel": 3, "padding": 1}, "batchnorm", "relu",
              {"kind": "maxpool", "kernel": 2, "stride": 2},
              {"kind": "sum", "branches": ["identity",
                [{"kind": "conv", "channels": 8, "kernel": 3, "padding": 1}, "batchnorm", "relu"]]},
              "globalavg", "flatten", {"kind": "linear", "features": 10}]}
            """));
    Recipe recipe = Recipes.of("mine").toBuilder().size(12).batch(8).epochs(1).build();
    TrainTest data = Shapes.draw(1, 40, 20, 1);
    Path file = folder.resolve("mine.safetensors");
    try (Backend backend = Devices.open("reference", 1)) {
      new Trainer(backend, recipe, mine, data, List.of()).train().write(file);
      // The file carries the description
      try (Classifier classifier = Classifier.load(file, backend)) {
        assertEquals(Shapes.CLASS_NAMES, classifier.classes());
      }
    }
  }

  @Test
  void trainSaveClassify() {
    TrainTest data = Shapes.draw(1, 40, 20, 1);
    Recipe recipe =
        Recipes.standard().toBuilder()
            .network("nin-mini")
            .precision(Precision.FP32)
            .dataset("shapes")
            .size(14)
            .batch(8)
            .epochs(2)
            .schedule(new Schedule.Cosine(0.02f, 0.1f))
            .build();
    Path file = folder.resolve("shapes.safetensors");
    try (Backend backend = Devices.open("reference", 1)) {
      Checkpoint trained = new Trainer(backend, recipe, data, List.of()).train();
      trained.write(file);
      try (Classifier classifier = Classifier.load(file, backend)) {
        byte[] image = new byte[28 * 28];
        data.test().copyImage(0, image, 0);
        assertTrue(Shapes.CLASS_NAMES.contains(classifier.classify(image).best().name()));
      }
    }
  }
}
