package org.nin4j.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.choice.Devices;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.data.ImageDataset;
import org.nin4j.model.Activation;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Concat;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.Identity;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Part;
import org.nin4j.model.Sequential;
import org.nin4j.model.ShapeException;
import org.nin4j.model.Sum;
import org.nin4j.tensor.HostTensor;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.CheckpointException;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.recipe.Recipe;

/** Networks with state and branches through training, evaluation, checkpoints and resuming. */
class BatchNormTrainingTest {
  private static final Network NETWORK =
      new Network(
          "branched",
          Sequential.of(
              Part.of("stem", Sequential.of(new Conv2d(4, 3, 1, 1), new BatchNorm())),
              Part.of(
                  "residual",
                  Sum.of(
                      Part.of("skip", new Identity()),
                      Part.of(
                          "main",
                          Sequential.of(
                              Activation.RELU, new Conv2d(4, 3, 1, 1), new BatchNorm())))),
              Part.of("relu", Activation.RELU),
              Part.of("both", Concat.of(new Conv2d(2, 1, 1, 0), new Conv2d(3, 3, 1, 1))),
              Part.of("pool", new MaxPool2d(2, 2)),
              Part.of("dropout", new Dropout(0.25f)),
              Part.of("flat", new Flatten()),
              Part.of("norm", new BatchNorm(1e-3f, 0.2f)),
              Part.of("out", new Linear(10))));

  /** Of 50 images in batches of 8, the last 2 of an epoch are left out. */
  private static final int STEPS = 6;

  @TempDir private Path folder;

  private static Trainer trainer(Backend backend, Recipe recipe, TrainingListener... listeners) {
    return new Trainer(backend, recipe, NETWORK, Trial.data(), List.of(listeners));
  }

  private static Recipe epochs(int epochs) {
    return Trial.recipe().toBuilder().epochs(epochs).build();
  }

  private static void assertSameBits(Map<String, HostTensor> a, Map<String, HostTensor> b) {
    assertEquals(List.copyOf(a.keySet()), List.copyOf(b.keySet()));
    a.forEach((name, t) -> assertArrayEquals(t.values(), b.get(name).values(), name));
  }

  @Test
  void runningStatisticsMoveAndAreSavedUnderTheirNames() {
    Checkpoint trained = trainer(new ReferenceBackend(), epochs(1)).train();
    assertTrue(
        trained
            .parameters()
            .keySet()
            .containsAll(
                List.of(
                    "stem.0.weight",
                    "stem.1.running_mean",
                    "stem.1.running_var",
                    "residual.main.2.running_mean",
                    "norm.running_mean",
                    "norm.running_var")),
        () -> trained.parameters().keySet().toString());
    for (float variance : trained.parameters().get("norm.running_var").values()) {
      assertTrue(variance > 0 && variance != 1, () -> "variance " + variance);
    }
    assertFalse(trained.optimizerState().keySet().stream().anyMatch(n -> n.contains("running")));
    Path file = folder.resolve("state.safetensors");
    trained.write(file);
    Checkpoint read = Checkpoint.read(file);
    assertEquals(NETWORK, read.network());
    assertSameBits(trained.parameters(), read.parameters());
    assertSameBits(trained.optimizerState(), read.optimizerState());
  }

  @ParameterizedTest(name = "{0}, {1} steps")
  @CsvSource({"reference, 2", "reference, 6", "reference, 9", "cpu, 2", "cpu, 9"})
  void aResumedRunEndsAsIfItHadNotStopped(String device, int steps) {
    Path file = folder.resolve("stopped.safetensors");
    try (Backend backend = Devices.open(device, 1)) {
      Checkpoint whole = trainer(backend, epochs(2)).train();
      AtomicReference<Trainer> trainer = new AtomicReference<>();
      CountingBackend counting =
          new CountingBackend(backend, true, steps, () -> trainer.get().stop());
      trainer.set(trainer(counting, epochs(2)));
      Checkpoint stopped = trainer.get().train();
      assertFalse(stopped.complete());
      stopped.write(file);
      Checkpoint resumed = trainer(backend, epochs(2)).resume(Checkpoint.read(file));
      assertSameBits(whole.parameters(), resumed.parameters());
      assertSameBits(whole.optimizerState(), resumed.optimizerState());
      for (int i = 0; i < 2; i++) {
        EpochResult a = whole.history().epochs().get(i);
        EpochResult b = resumed.history().epochs().get(i);
        assertEquals(a.trainLoss(), b.trainLoss());
        assertEquals(a.testLoss(), b.testLoss());
      }
    }
  }

  @Test
  void aMissingRunningMeanIsNamedAndNeverZero() {
    Checkpoint trained = trainer(new ReferenceBackend(), epochs(1)).train();
    Map<String, HostTensor> less = new LinkedHashMap<>(trained.parameters());
    less.remove("stem.1.running_mean");
    Checkpoint lacking =
        new Checkpoint(
            trained.recipe(),
            trained.network(),
            trained.image(),
            trained.classes(),
            trained.data(),
            trained.position(),
            trained.history(),
            trained.best(),
            less,
            trained.optimizerState(),
            Optional.empty());
    Path file = folder.resolve("lacking.safetensors");
    lacking.write(file);
    String missing = "stem.1.running_mean is missing in the checkpoint";
    assertTrue(problem(() -> Checkpoint.read(file)).contains(missing));
    assertTrue(problem(() -> new Classifier(lacking, new ReferenceBackend())).contains(missing));
    assertTrue(
        problem(() -> trainer(new ReferenceBackend(), epochs(2)).resume(lacking))
            .contains(missing));
    try (Evaluator evaluator =
        new Evaluator(new ReferenceBackend(), Trial.recipe(), NETWORK, Trial.data().test())) {
      assertEquals(
          "there are no values for stem.1.running_mean",
          problem(() -> evaluator.evaluate(less, () -> false, m -> {})));
    }
  }

  private static String problem(org.junit.jupiter.api.function.Executable executable) {
    return assertThrows(CheckpointException.class, executable).getMessage();
  }

  /** Images of one class at a time: whatever else is in a batch has no influence. */
  @Test
  void evaluationAndPredictionUseTheRunningStatistics() {
    Checkpoint trained = trainer(new ReferenceBackend(), epochs(1)).train();
    ImageDataset test = Trial.data().test();
    Metrics metrics;
    try (Evaluator evaluator =
        new Evaluator(new ReferenceBackend(), Trial.recipe(), NETWORK, test)) {
      metrics = evaluator.evaluate(trained.parameters(), () -> false, m -> {}).orElseThrow();
    }
    assertEquals(trained.history().last().orElseThrow().testLoss(), metrics.loss());
    try (Classifier classifier = new Classifier(trained, new ReferenceBackend())) {
      double loss = 0;
      for (int i = 0; i < test.count(); i++) {
        byte[] image = new byte[test.imageSize()];
        test.copyImage(i, image, 0);
        loss -= Math.log(classifier.classify(image).probabilities().get(test.label(i)));
      }
      // The logits are the same, the sum is another order of doubles.
      assertEquals(metrics.lossSum(), loss, 1e-9 * loss);
    }
  }

  @Test
  void whatIsLeftOverOfAnEpochIsLeftOut() {
    List<Progress> all = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void progressed(Progress progress) {
            all.add(progress);
          }
        };
    trainer(new ReferenceBackend(), epochs(1), listener).train();
    Progress last =
        all.stream().filter(p -> p.phase() == Progress.Phase.TRAINING).reduce((a, b) -> b).get();
    assertEquals(STEPS, last.steps());
    assertEquals(STEPS, last.step());
    assertEquals(STEPS * 8, last.sums().samples());
    // All test images count: there, the running statistics are used.
    Progress tested = all.get(all.size() - 1);
    assertEquals(30, tested.sums().samples());
  }

  /** With places that hold no image in a batch, its means would be others. */
  @Test
  void fewerImagesThanABatchAreRefused() {
    Recipe large = Trial.recipe().toBuilder().batch(51).build();
    String message =
        assertThrows(IllegalArgumentException.class, () -> trainer(new ReferenceBackend(), large))
            .getMessage();
    assertEquals(
        "branched has batch normalisation and trains on whole batches, but 50 images are fewer"
            + " than a batch of 51; use a smaller batch or more images",
        message);
    trainer(new ReferenceBackend(), large.toBuilder().batch(50).build());
  }

  @Test
  void oneValueForEachChannelIsRefusedByTheLayersPath() {
    Recipe single = Trial.recipe().toBuilder().batch(1).build();
    String message =
        assertThrows(ShapeException.class, () -> trainer(new ReferenceBackend(), single))
            .getMessage();
    assertTrue(message.startsWith("layer norm (batchnorm) gets one value for each"), message);
    assertTrue(message.contains("use a larger batch"), message);
  }

  @Test
  void aNetworkThatDoesNotEndInTheClassesIsRefused() {
    Network seven = new Network("seven", Sequential.of(new Flatten(), new Linear(7)));
    String message =
        assertThrows(
                ShapeException.class,
                () ->
                    new Trainer(
                        new ReferenceBackend(), Trial.recipe(), seven, Trial.data(), List.of()))
            .getMessage();
    assertEquals(
        "seven ends in 7 values, but shapes (drawn by the program) has 10 classes; give its last"
            + " layer as many outputs",
        message);
  }

  /** The same layers and parameters, but the sum takes the input behind the ReLU. */
  @Test
  void anotherWiringIsAnotherNetwork() {
    Network a = wired(Sequential.of(Sum.of(Part.of("a", new Identity()), CONV), Activation.RELU));
    Network b =
        wired(
            Sequential.of(
                Part.of("0", Sum.of(CONV, Part.of("a", new Identity()))),
                Part.of("1", Activation.RELU)));
    Network c = wired(Sequential.of(Sum.of(Part.of("a", Activation.RELU), CONV), new Identity()));
    Recipe recipe = epochs(1);
    Checkpoint trained =
        new Trainer(new ReferenceBackend(), recipe, a, Trial.data(), List.of()).train();
    var input = org.nin4j.tensor.Shape.of(1, 8, 8);
    trained.requireFits(a, input);
    for (Network other : List.of(b, c)) {
      String message =
          assertThrows(CheckpointException.class, () -> trained.requireFits(other, input))
              .getMessage();
      assertTrue(
          message.startsWith("the checkpoint is of another network, also named wired: "), message);
      assertTrue(message.contains("0.0 sum of images, 0.0.conv in the checkpoint"), message);
    }
  }

  private static final Part CONV = Part.of("conv", new Conv2d(1, 3, 1, 1));

  private static Network wired(Sequential layers) {
    return new Network("wired", Sequential.of(layers, new Flatten(), new Linear(10)));
  }
}
