package org.nin4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.backend.Backend;
import org.nin4j.backend.choice.Devices;
import org.nin4j.backend.cuda.StandInGpu;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.model.Activation;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;
import org.nin4j.plan.step.Adam;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.standin.StandIn;
import org.nin4j.tensor.HostTensor;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Schedule;

/** Numbers that go wrong, on every backend: found soon, with step and layer. */
class NumbersTest {
  private static final Recipe ONE_EPOCH = Trial.recipe().toBuilder().epochs(1).build();

  private static Backend open(String device) {
    if (device.equals("cuda")) {
      StandIn.assumeAvailable();
      return StandInGpu.open();
    }
    return Devices.open(device, 1);
  }

  /** Takes so long for some training step that progress is told after it. */
  private static Backend slowAt(int step, Backend backend) {
    return new CountingBackend(
        backend, true, step, () -> LockSupport.parkNanos(Duration.ofMillis(400).toNanos()));
  }

  private static String failure(Trainer trainer) {
    return assertThrows(NumericalException.class, trainer::train).getMessage();
  }

  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu", "cuda"})
  void aRateThatExplodesIsFoundAtTheNextReport(String device) {
    Recipe recipe = ONE_EPOCH.toBuilder().schedule(new Schedule.Constant(1e30f)).build();
    try (Backend backend = slowAt(4, open(device))) {
      String message = failure(Trial.trainer(backend, recipe));
      assertTrue(message.matches("the loss became (NaN|infinite) by epoch 1, step 4; .*"), message);
    }
  }

  /** The first step's update is finite, and too large for what the second one computes. */
  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu", "cuda"})
  void theFirstStepAndLayerAreFound(String device) {
    Recipe recipe = ONE_EPOCH.toBuilder().schedule(new Schedule.Constant(1e30f)).build();
    List<String> remarks = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void remarked(String remark) {
            remarks.add(remark);
          }
        };
    try (Backend backend = open(device)) {
      Trainer trainer = Trial.trainer(backend, recipe, listener);
      trainer.findOrigins();
      String message = failure(trainer);
      assertTrue(
          message.matches(
              "the loss became (NaN|infinite) by epoch 1, step 7; .*; first in epoch 1, step 2:"
                  + " layer \\S+, \\S+, is the first whose result is not finite: \\S+ has \\d+ NaN"
                  + " and \\d+ infinite of \\d+ values"),
          message);
      assertEquals(2, remarks.size(), remarks::toString);
      assertEquals("Looking for its origin: training again from after epoch 0.", remarks.get(1));
    }
  }

  /** Nothing but the update itself is wrong: it is found where the parameters are read. */
  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu", "cuda"})
  void anUpdateThatOverflowsIsNamed(String device) {
    Recipe recipe =
        ONE_EPOCH.toBuilder()
            .schedule(new Schedule.Constant(Float.MAX_VALUE))
            .optimizer(new org.nin4j.plan.step.Sgd(0.9f, true, 1e30f))
            .batch(50)
            .build();
    try (Backend backend = open(device)) {
      Trainer trainer = Trial.trainer(backend, recipe);
      trainer.findOrigins();
      String message = failure(trainer);
      assertTrue(
          message.matches(
              "0.weight became (NaN|infinite) by epoch 1, step 1; .*; first in epoch 1, step 1:"
                  + " all layers' results and all gradients are finite; the update by the rate"
                  + " 3.4028235E38 is not"),
          message);
    }
  }

  /** As a broken device would: one weight, whatever ReLU and pooling make of it. */
  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu", "cuda"})
  void aWeightThatIsNoNumberIsFoundAtTheNextReport(String device) {
    Map<String, String> missed = new TreeMap<>();
    for (String name : List.of("0.weight", "0.bias", "4.weight", "4.bias")) {
      for (float value : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
        AtomicReference<CountingBackend> poisoned = new AtomicReference<>();
        try (Backend device1 = open(device)) {
          poisoned.set(
              new CountingBackend(device1, true, 2, () -> poison(poisoned.get(), name, value)));
          Backend backend = slowAt(4, poisoned.get());
          String message = failure(Trial.trainer(backend, ONE_EPOCH));
          if (!message.contains("by epoch 1, step 4;")) {
            missed.put(name + " " + value, message);
          }
        }
      }
    }
    assertEquals(Map.of(), missed);
  }

  private static void poison(CountingBackend backend, String name, float value) {
    TensorSpec weight = backend.session().placed().plan().tensor(name);
    HostTensor values = backend.session().read(weight);
    values.values()[1] = value;
    backend.session().write(weight, values);
  }

  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu", "cuda"})
  void itDoesNotBeginWithValuesThatAreNone(String device) {
    try (Backend backend = open(device)) {
      Checkpoint good = Trial.trainer(backend, ONE_EPOCH).train();
      HostTensor weight = good.parameters().get("4.weight");
      float before = weight.values()[3];
      weight.values()[3] = Float.NaN;
      Recipe longer = ONE_EPOCH.toBuilder().epochs(2).build();
      Trainer trainer = Trial.trainer(backend, longer);
      String message =
          assertThrows(NumericalException.class, () -> trainer.resume(good)).getMessage();
      assertTrue(message.startsWith("4.weight is NaN where the training begins"), message);
      weight.values()[3] = before;
    }
  }

  /** Of one class, too: nothing can be learnt from them, and nothing becomes infinite. */
  @ParameterizedTest
  @ValueSource(strings = {"reference", "cpu", "cuda"})
  void imagesOfOneGreyAndOneClassAreTrainedOn(String device) {
    Network network =
        new Network(
            "grey",
            Sequential.of(
                new Conv2d(4, 3, 1, 1),
                new BatchNorm(),
                Activation.RELU,
                new Conv2d(10, 3, 1, 1),
                new GlobalAvgPool2d(),
                new Flatten()));
    TrainTest data = new TrainTest(grey(48), grey(16), "drawn");
    for (Recipe recipe :
        List.of(
            ONE_EPOCH.toBuilder().network("grey").batch(16).epochs(3).build(),
            ONE_EPOCH.toBuilder()
                .network("grey")
                .batch(16)
                .epochs(3)
                .optimizer(Adam.USUAL)
                .schedule(new Schedule.Constant(0.01f))
                .build())) {
      try (Backend backend = open(device)) {
        Checkpoint trained = new Trainer(backend, recipe, network, data, List.of()).train();
        assertTrue(trained.complete());
        assertEquals(1, trained.history().last().orElseThrow().testAccuracy());
      }
    }
  }

  private static ImageDataset grey(int count) {
    byte[] pixels = new byte[count * 64];
    Arrays.fill(pixels, (byte) 77);
    List<String> classes = List.of("0", "1", "2", "3", "4", "5", "6", "7", "8", "9");
    return new ImageDataset("grey", classes, 1, 8, 8, pixels, new byte[count]);
  }
}
