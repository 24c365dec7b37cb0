package org.nin4j.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.choice.Devices;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.data.DataException;
import org.nin4j.data.TrainTest;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.model.Activation;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.Adam;
import org.nin4j.plan.step.Learning;
import org.nin4j.plan.step.Sgd;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.train.checkpoint.Best;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.CheckpointException;
import org.nin4j.train.checkpoint.Position;
import org.nin4j.train.diagnosis.DeadUnits;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.history.History;
import org.nin4j.train.history.Timeless;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Schedule;
import org.nin4j.train.session.SampleOrder;

class TrainerTest {
  @TempDir private Path folder;

  private static void assertSameBits(
      Map<String, HostTensor> expected, Map<String, HostTensor> actual) {
    assertEquals(expected.keySet(), actual.keySet());
    expected.forEach(
        (name, tensor) -> assertArrayEquals(bits(tensor), bits(actual.get(name)), name));
  }

  private static int[] bits(HostTensor tensor) {
    int[] bits = new int[tensor.values().length];
    Arrays.setAll(bits, i -> Float.floatToRawIntBits(tensor.values()[i]));
    return bits;
  }

  @Test
  void theSameSeedGivesTheSameRun() {
    Checkpoint one = Trial.trainer(Trial.recipe()).train();
    Checkpoint two = Trial.trainer(Trial.recipe()).train();
    assertEquals(3, one.history().epochs().size());
    assertEquals(Timeless.of(one.history()), Timeless.of(two.history()));
    assertSameBits(one.parameters(), two.parameters());
    assertSameBits(one.optimizerState(), two.optimizerState());
    Checkpoint other = Trial.trainer(Trial.recipe().toBuilder().seed(2).build()).train();
    assertNotEquals(Timeless.of(one.history()), Timeless.of(other.history()));
  }

  @ParameterizedTest(name = "stopped after {1} runs, of training: {0}")
  @CsvSource({
    "true, 1",
    "true, 4",
    "true, 6",
    "true, 7",
    "true, 8",
    "true, 14",
    "true, 17",
    "true, 21",
    "false, 1",
    "false, 4",
    "false, 10"
  })
  void aResumedRunEndsAsIfItHadNotStopped(boolean training, int runs) {
    requireExactResume("reference", training, runs);
  }

  @ParameterizedTest(name = "stopped after {1} runs, of training: {0}")
  @CsvSource({"true, 4", "true, 8", "false, 4"})
  void aResumedRunOnTheCpuEndsAsIfItHadNotStopped(boolean training, int runs) {
    requireExactResume("cpu", training, runs);
  }

  private void requireExactResume(String device, boolean training, int runs) {
    requireExactResume(Trial.recipe(), device, training, runs);
  }

  private void requireExactResume(Recipe recipe, String device, boolean training, int runs) {
    Checkpoint whole;
    try (Backend backend = Devices.open(device, 2)) {
      whole = Trial.trainer(backend, recipe).train();
    }
    Path file = folder.resolve("stopped.safetensors");
    AtomicReference<Trainer> trainer = new AtomicReference<>();
    try (Backend backend =
        new CountingBackend(Devices.open(device, 2), training, runs, () -> trainer.get().stop())) {
      trainer.set(Trial.trainer(backend, recipe));
      Checkpoint stopped = trainer.get().train();
      assertFalse(stopped.complete());
      if (training) {
        assertEquals(runs, globalStep(stopped));
      }
      stopped.write(file);
    }
    try (Backend backend = Devices.open(device, 2)) {
      Checkpoint resumed = Trial.trainer(backend, recipe).resume(Checkpoint.read(file));
      assertTrue(resumed.complete());
      assertEquals(Timeless.of(whole.history()), Timeless.of(resumed.history()));
      assertSameBits(whole.parameters(), resumed.parameters());
      assertSameBits(whole.optimizerState(), resumed.optimizerState());
    }
  }

  /** Adam with everything there is beside it; its step number counts over the whole run. */
  private static Recipe averaging() {
    return Trial.recipe().toBuilder()
        .learning(
            new Learning(
                new Adam(0.9, 0.99, 1e-8f, 0.01f, true),
                new Learning.Factors(2, 1, 0.5f, true),
                Optional.of(1f),
                Optional.of(0.8f)))
        .schedule(new Schedule.OneCycle(0.003f, 0.3f))
        .build();
  }

  @ParameterizedTest(name = "on {0}, stopped after {1} runs")
  @CsvSource({"reference, 1", "reference, 8", "cpu, 4"})
  void aRunWithAdamAndAnAverageResumesExactly(String device, int runs) {
    requireExactResume(averaging(), device, true, runs);
  }

  @Test
  void theAverageIsEvaluatedAndUsed() {
    Checkpoint trained = Trial.trainer(averaging()).train();
    String name = trained.parameters().keySet().iterator().next();
    HostTensor average = trained.optimizerState().get(name + ".average");
    assertArrayEquals(average.values(), trained.inUse().get(name).values());
    assertFalse(Arrays.equals(average.values(), trained.parameters().get(name).values()));
    Recipe recipe = averaging();
    try (Backend backend = Devices.open("reference", 1);
        Evaluator evaluator =
            new Evaluator(backend, recipe, trained.network(), Trial.data().test())) {
      Metrics used = evaluator.evaluate(trained.inUse(), () -> false, sums -> {}).orElseThrow();
      EpochResult last = trained.history().epochs().get(recipe.epochs() - 1);
      assertEquals(last.testLoss(), used.loss());
    }
  }

  @Test
  void adamAndAveragesCannotBeginWithinARun() {
    Checkpoint plain =
        Trial.trainer(Trial.recipe().toBuilder().epochs(1).optimizer(Sgd.PLAIN).build()).train();
    CheckpointException refused =
        assertThrows(CheckpointException.class, () -> Trial.trainer(averaging()).resume(plain));
    assertTrue(refused.getMessage().startsWith("the checkpoint has no "), refused.getMessage());
  }

  private static int globalStep(Checkpoint checkpoint) {
    return checkpoint.position().epoch() * Trial.STEPS + checkpoint.position().step();
  }

  @Test
  void aRunResumedBetweenEpochsEndsAsIfItHadNotStopped() {
    List<Checkpoint> afterEpochs = new ArrayList<>();
    Checkpoint whole = Trial.trainer(Trial.recipe(), Trial.onCheckpoint(afterEpochs::add)).train();
    assertEquals(3, afterEpochs.size());
    assertEquals(Position.atEpoch(1), afterEpochs.get(0).position());
    Path file = folder.resolve("epoch1.safetensors");
    afterEpochs.get(0).write(file);
    Checkpoint resumed = Trial.trainer(Trial.recipe()).resume(Checkpoint.read(file));
    assertEquals(Timeless.of(whole.history()), Timeless.of(resumed.history()));
    assertSameBits(whole.parameters(), resumed.parameters());
  }

  /** A backend that takes so long for some step that progress is told after it. */
  private static Backend slowAt(int step, Backend backend) {
    return new CountingBackend(
        backend, true, step, () -> LockSupport.parkNanos(Duration.ofMillis(400).toNanos()));
  }

  @ParameterizedTest
  @CsvSource({"reference, 4", "reference, 11", "cpu, 4"})
  void aCheckpointWithinAnEpochIsWhereARunGoesOnToTheSameBits(String device, int step) {
    List<Checkpoint> saved = new ArrayList<>();
    Checkpoint whole;
    try (Backend backend = slowAt(step, Devices.open(device, 1))) {
      Trainer trainer = Trial.trainer(backend, Trial.recipe(), Trial.onCheckpoint(saved::add));
      trainer.checkpointEvery(Duration.ofMillis(1));
      whole = trainer.train();
    }
    Checkpoint within =
        saved.stream()
            .filter(c -> c.position().step() == step % Trial.STEPS)
            .findFirst()
            .orElseThrow();
    assertEquals(step / Trial.STEPS, within.position().epoch());
    Path file = folder.resolve("within.safetensors");
    within.write(file);
    try (Backend backend = Devices.open(device, 1)) {
      Checkpoint resumed = Trial.trainer(backend, Trial.recipe()).resume(Checkpoint.read(file));
      assertEquals(Timeless.of(whole.history()), Timeless.of(resumed.history()));
      assertSameBits(whole.parameters(), resumed.parameters());
      assertSameBits(whole.optimizerState(), resumed.optimizerState());
    }
  }

  @Test
  void withoutBeingAskedThereAreNoneWithinAnEpoch() {
    List<Checkpoint> saved = new ArrayList<>();
    Trial.trainer(slowAt(4, new ReferenceBackend()), Trial.recipe(), Trial.onCheckpoint(saved::add))
        .train();
    assertEquals(3, saved.size());
    Trainer trainer = Trial.trainer(Trial.recipe());
    Duration before = Duration.ofMillis(-1);
    assertThrows(IllegalArgumentException.class, () -> trainer.checkpointEvery(before));
  }

  @Test
  void stepsAndRatesCountOverTheWholeRun() {
    CountingBackend backend = new CountingBackend(new ReferenceBackend(), true, -1, () -> {});
    Trial.trainer(backend, Trial.recipe()).train();
    List<Epoch> begun = backend.begun();
    assertEquals(List.of(0, 7, 14), begun.stream().map(Epoch::firstStep).toList());
    float[] rates = Trial.recipe().schedule().rates(0, 21, 21);
    for (int epoch = 0; epoch < 3; epoch++) {
      assertEquals(Trial.recipe().seed(), begun.get(epoch).seed());
      assertArrayEquals(
          Arrays.copyOfRange(rates, 7 * epoch, 7 * epoch + 7), begun.get(epoch).learningRates());
      assertArrayEquals(
          SampleOrder.shuffled(50, 8, Trial.recipe().seed(), epoch), begun.get(epoch).order());
    }
  }

  @Test
  void listenersAreToldOfEveryEpoch() {
    List<String> told = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void started(TrainingStart start) {
            told.add("start of " + start.plan().network() + " " + start.position());
          }

          @Override
          public void progressed(Progress progress) {
            if (progress.step() == progress.steps()) {
              told.add(progress.phase() + " " + progress.sums().samples());
            }
          }

          @Override
          public void epochEnded(History history) {
            told.add("epoch " + history.epochs().size());
          }

          @Override
          public void checkpointed(Checkpoint checkpoint, boolean best) {
            told.add("checkpoint " + checkpoint.position());
          }
        };
    Trial.trainer(Trial.recipe().toBuilder().epochs(1).build(), listener).train();
    assertEquals(
        List.of(
            "start of tiny after epoch 0",
            "TRAINING 50",
            "EVALUATION 30",
            "epoch 1",
            "checkpoint after epoch 1"),
        told);
  }

  @Test
  void trainingLearns() {
    // Two classes that even a small network tells apart: dark and light images.
    Recipe recipe = Trial.recipe().toBuilder().epochs(6).labelSmoothing(0).build();
    TrainTest data = BrightnessData.draw(120, 60);
    Network network =
        new Network(
            "small",
            Sequential.of(
                new Conv2d(4, 3, 2, 1),
                Activation.RELU,
                new Conv2d(2, 1, 1, 0),
                new GlobalAvgPool2d(),
                new Flatten()));
    History history =
        new Trainer(new ReferenceBackend(), recipe, network, data, List.of()).train().history();
    EpochResult first = history.epochs().get(0);
    EpochResult last = history.last().orElseThrow();
    assertTrue(last.trainLoss() < first.trainLoss(), history::toCsv);
    assertTrue(last.testAccuracy() > 0.95, history::toCsv);
    // Two classes: the right one is always among the first five.
    assertEquals(1, last.testTop5());
  }

  @Test
  void aLossThatIsNoNumberEndsTheRun() {
    List<Checkpoint> saved = new ArrayList<>();
    Recipe recipe = Trial.recipe().toBuilder().schedule(new Schedule.Constant(1e30f)).build();
    Trainer trainer = Trial.trainer(recipe, Trial.onCheckpoint(saved::add));
    String message = assertThrows(NumericalException.class, trainer::train).getMessage();
    assertTrue(message.matches("the loss became (NaN|infinite) by epoch 1, step \\d.*"), message);
    assertEquals(List.of(), saved);
  }

  @Test
  void aParameterThatIsNoNumberIsNeverSaved() {
    // The only step's loss is finite; the update that follows is not.
    List<Checkpoint> saved = new ArrayList<>();
    Recipe recipe =
        Trial.recipe().toBuilder()
            .schedule(new Schedule.Constant(Float.MAX_VALUE))
            .optimizer(new org.nin4j.plan.step.Sgd(0.9f, true, 1e30f))
            .batch(50)
            .build();
    Trainer trainer = Trial.trainer(recipe, Trial.onCheckpoint(saved::add));
    String message = assertThrows(NumericalException.class, trainer::train).getMessage();
    assertTrue(message.contains("0.weight became"), message);
    assertEquals(List.of(), saved);
  }

  @Test
  void otherDataUnderTheSameNameIsRefused() {
    Checkpoint checkpoint = Trial.trainer(Trial.recipe().toBuilder().epochs(1).build()).train();
    Trainer trainer =
        new Trainer(
            new ReferenceBackend(),
            Trial.recipe(),
            Trial.NETWORK,
            Shapes.draw(6, 50, 30, 1),
            List.of());
    String message =
        assertThrows(DataException.class, () -> trainer.resume(checkpoint)).getMessage();
    assertTrue(message.contains("trained on other data"), message);
  }

  @Test
  void theBestOfOtherTestImagesIsNoBest() {
    Recipe recipe = Trial.recipe().toBuilder().epochs(1).build();
    Checkpoint one = Trial.trainer(recipe).train();
    // Higher than anything on the same images can be.
    Best before = new Best(1, 1, one.best().orElseThrow().testData());
    List<Boolean> bests = new ArrayList<>();
    List<String> remarks = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void remarked(String remark) {
            remarks.add(remark);
          }

          @Override
          public void checkpointed(Checkpoint checkpoint, boolean best) {
            bests.add(best);
          }
        };
    Recipe two = recipe.toBuilder().epochs(2).build();
    Checkpoint same = Trial.trainer(two, listener).resume(one.withBest(Optional.of(before)));
    assertEquals(Optional.of(before), same.best());
    assertEquals(List.of(false), bests);
    assertEquals(List.of(), remarks);

    Checkpoint other =
        new Trainer(
                new ReferenceBackend(),
                two.toBuilder().limit(20).build(),
                Trial.NETWORK,
                Shapes.draw(5, 20, 20, 1),
                List.of(listener))
            .resume(one.withBest(Optional.of(before)));
    assertEquals(2, other.best().orElseThrow().epoch());
    assertEquals(
        other.history().last().orElseThrow().testAccuracy(),
        other.best().orElseThrow().testAccuracy());
    assertEquals(List.of(false, true), bests);
    assertEquals(
        List.of(
            "The test images are not those of the best so far, 1.0000 after epoch 1: best starts"
                + " anew."),
        remarks);
  }

  @Test
  void ofEqualEpochsTheFirstIsBest() {
    Best first = new Best(2, 0.5, "a");
    assertTrue(first.holdsAgainst(new Best(3, 0.5, "a")));
    assertTrue(first.holdsAgainst(new Best(3, 0.4999, "a")));
    assertFalse(first.holdsAgainst(new Best(3, 0.5001, "a")));
    assertFalse(first.holdsAgainst(new Best(3, 0.1, "b")));
  }

  @Test
  void aPrecisionThatTheDeviceLacksFallsBackWithARemark() {
    List<String> remarks = new ArrayList<>();
    List<String> precisions = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void remarked(String remark) {
            remarks.add(remark);
          }

          @Override
          public void started(TrainingStart start) {
            precisions.add(start.recipe().precision() + " " + start.plan().precision());
          }
        };
    Recipe fp32 = Trial.recipe().toBuilder().epochs(1).build();
    Recipe bf16 = fp32.toBuilder().precision(Precision.BF16).build();
    Checkpoint trained = Trial.trainer(bf16, listener).train();
    assertEquals(
        List.of("This device has no instructions for bf16: computing in fp32 instead."), remarks);
    assertEquals(List.of("FP32 FP32"), precisions);
    assertEquals(Precision.FP32, trained.recipe().precision());
    assertSameBits(Trial.trainer(fp32, listener).train().parameters(), trained.parameters());
    assertEquals(1, remarks.size());
  }

  @Test
  void aStepBeyondTheEpochIsRefused() {
    Checkpoint between = Trial.trainer(Trial.recipe().toBuilder().epochs(1).build()).train();
    Position beyond = new Position(1, 8, new Metrics(100, 60, 20, 40), 1);
    Checkpoint wrong =
        new Checkpoint(
            Trial.recipe(),
            between.network(),
            between.image(),
            between.classes(),
            between.data(),
            beyond,
            between.history(),
            between.best(),
            between.parameters(),
            between.optimizerState(),
            Optional.empty());
    String message =
        assertThrows(CheckpointException.class, () -> Trial.trainer(Trial.recipe()).resume(wrong))
            .getMessage();
    assertEquals(
        "the checkpoint was saved in epoch 2, after step 8, but an epoch has 7 steps", message);
  }

  @Test
  void optimizerStateThatIsIncompleteOrOfAnotherShapeIsRefused() {
    Checkpoint good = Trial.trainer(Trial.recipe().toBuilder().epochs(1).build()).train();
    Map<String, HostTensor> state = new LinkedHashMap<>(good.optimizerState());
    state.put("0.bias.velocity", HostTensor.zeros(Shape.of(5)));
    assertEquals(
        "0.bias.velocity is 5 in the checkpoint and 4 in tiny", problemOfState(good, state));
    state.remove("0.bias.velocity");
    assertEquals("the checkpoint has no 0.bias.velocity", problemOfState(good, state));
  }

  private static String problemOfState(Checkpoint good, Map<String, HostTensor> state) {
    Checkpoint wrong =
        new Checkpoint(
            good.recipe(),
            good.network(),
            good.image(),
            good.classes(),
            good.data(),
            good.position(),
            good.history(),
            good.best(),
            good.parameters(),
            state,
            Optional.empty());
    return assertThrows(
            CheckpointException.class, () -> Trial.trainer(Trial.recipe()).resume(wrong))
        .getMessage();
  }

  @Test
  void withinAnEpochTheBatchSizeCannotChange() {
    AtomicReference<Trainer> trainer = new AtomicReference<>();
    CountingBackend backend =
        new CountingBackend(new ReferenceBackend(), true, 3, () -> trainer.get().stop());
    trainer.set(Trial.trainer(backend, Trial.recipe()));
    Checkpoint stopped = trainer.get().train();
    Trainer other = Trial.trainer(Trial.recipe().toBuilder().batch(10).build());
    String message =
        assertThrows(CheckpointException.class, () -> other.resume(stopped)).getMessage();
    assertTrue(message.contains("in epoch 1, after step 3"), message);
  }

  @Test
  void betweenEpochsTheRecipeCanChange() {
    Checkpoint checkpoint = Trial.trainer(Trial.recipe().toBuilder().epochs(1).build()).train();
    Recipe more =
        Trial.recipe().toBuilder()
            .epochs(2)
            .batch(10)
            .schedule(new Schedule.Constant(0.001f))
            .build();
    Checkpoint longer = Trial.trainer(more).resume(checkpoint);
    assertEquals(2, longer.history().epochs().size());
    assertEquals(0.001f, longer.history().last().orElseThrow().learningRate());
  }

  @Test
  void deadUnitsAreCounted() {
    // Parameters by hand: filters 1 and 2 of the first layer always give less than 0, and classes
    // 4 and 7 do.
    Checkpoint start = Trial.trainer(Trial.recipe()).train();
    Map<String, HostTensor> parameters = new LinkedHashMap<>(start.parameters());
    float[] conv1 = new float[36];
    parameters.put("0.weight", new HostTensor(parameters.get("0.weight").shape(), conv1));
    parameters.put(
        "0.bias", new HostTensor(parameters.get("0.bias").shape(), new float[] {1, -1, 0, 2}));
    float[] conv2 = new float[360];
    parameters.put("4.weight", new HostTensor(parameters.get("4.weight").shape(), conv2));
    parameters.put(
        "4.bias",
        new HostTensor(
            parameters.get("4.bias").shape(), new float[] {1, 1, 1, 1, -1, 1, 1, 0, 1, 1}));
    try (DeadUnits deadUnits =
        new DeadUnits(new ReferenceBackend(), Trial.recipe(), Trial.NETWORK, Trial.data().test())) {
      assertEquals(new DeadUnits.Count(4, 2), deadUnits.count(parameters));
    }
  }

  @Test
  void withoutReluAtItsEndANetworkHasNoDeadClasses() {
    Network network =
        new Network(
            "open",
            Sequential.of(
                new Conv2d(10, 3, 1, 1),
                Activation.RELU,
                new Conv2d(10, 1, 1, 0),
                new GlobalAvgPool2d(),
                new Flatten()));
    Map<String, HostTensor> zeros = new LinkedHashMap<>();
    network
        .parameters(Shape.of(1, 8, 8))
        .forEach(p -> zeros.put(p.name(), HostTensor.zeros(p.shape())));
    try (DeadUnits deadUnits =
        new DeadUnits(new ReferenceBackend(), Trial.recipe(), network, Trial.data().test())) {
      assertEquals(new DeadUnits.Count(10, 0), deadUnits.count(zeros));
    }
  }
}
