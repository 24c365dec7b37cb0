package org.nin4j.train.rounds;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.Samples;
import org.nin4j.backend.Session;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.data.TrainTest;
import org.nin4j.model.Activation;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.Adam;
import org.nin4j.plan.step.Learning;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.train.Trainer;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.Trial;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.Parameters;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.session.Images;
import org.nin4j.train.session.SampleOrder;

class RoundsTest {
  private static final TrainTest DATA = Trial.data();
  private static final Shape IMAGE = Images.shape(DATA.train());
  private static final Network WITH_NORM =
      new Network(
          "tiny",
          Sequential.of(
              new Conv2d(4, 3, 1, 1),
              new BatchNorm(),
              Activation.RELU,
              new Conv2d(10, 3, 1, 1),
              new GlobalAvgPool2d(),
              new Flatten()));

  private static Rounds rounds(int tasks, int localSteps) {
    return new Rounds(tasks, localSteps, Optional.empty());
  }

  private static Rounds diLoCo(int tasks, int localSteps) {
    return new Rounds(tasks, localSteps, Optional.of(new Rounds.Outer(0.7f, 0.9f)));
  }

  private static OneAfterTheOther inTurn(Rounds rounds, Recipe recipe, Network network) {
    return new OneAfterTheOther(
        new RoundTask(new ReferenceBackend(), rounds, recipe, network, IMAGE), rounds.tasks());
  }

  private static Trainer trainer(
      Workers workers, Rounds rounds, Recipe recipe, Network network, TrainingListener... told) {
    Backend backend = new RoundsBackend(new ReferenceBackend(), rounds, workers);
    return new Trainer(backend, recipe, network, DATA, List.of(told));
  }

  private static Checkpoint train(Rounds rounds, Recipe recipe, Network network) {
    try (Workers workers = inTurn(rounds, recipe, network)) {
      return trainer(workers, rounds, recipe, network).train();
    }
  }

  private static Checkpoint alone(Recipe recipe, Network network) {
    return new Trainer(new ReferenceBackend(), recipe, network, DATA, List.of()).train();
  }

  private static void assertSameBits(Checkpoint expected, Checkpoint actual) {
    assertSameBits(expected.parameters(), actual.parameters());
    assertSameBits(expected.optimizerState(), actual.optimizerState());
    assertEquals(expected.history().epochs().size(), actual.history().epochs().size());
    for (int i = 0; i < expected.history().epochs().size(); i++) {
      EpochResult one = expected.history().epochs().get(i);
      EpochResult other = actual.history().epochs().get(i);
      assertEquals(one.testLoss(), other.testLoss());
      assertEquals(one.trainAccuracy(), other.trainAccuracy());
      // Losses are summed by task and round.
      assertEquals(one.trainLoss(), other.trainLoss(), 1e-12);
    }
  }

  private static void assertSameBits(
      Map<String, HostTensor> expected, Map<String, HostTensor> actual) {
    assertEquals(expected.keySet(), actual.keySet());
    expected.forEach(
        (name, values) -> assertArrayEquals(values.values(), actual.get(name).values(), name));
  }

  /** The steps written out: gradients of the parts added in order, divided, one update. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4, 8})
  void tasksOfOneStepAreOneMachineThatAddsUpTheParts(int tasks) {
    Recipe recipe = Trial.recipe().toBuilder().epochs(1).build();
    Checkpoint actual = train(rounds(tasks, 1), recipe, Trial.NETWORK);
    int part = recipe.batch() / tasks;
    Plan plan =
        Planner.plan(
            Trial.NETWORK,
            recipe.trainingImages(IMAGE),
            part,
            recipe.precision(),
            new Purpose.Training(Optional.empty(), recipe.labelSmoothing()));
    Sgd sgd = (Sgd) recipe.learning().optimizer();
    Map<String, HostTensor> parameters =
        Parameters.draw(recipe, Trial.NETWORK, recipe.images(IMAGE).output());
    Map<String, float[]> velocities = new HashMap<>();
    Backend backend = new ReferenceBackend();
    int[] order = SampleOrder.shuffled(DATA.train().count(), recipe.batch(), recipe.seed(), 0);
    int steps = order.length / recipe.batch();
    float[] rates = recipe.schedule().rates(0, steps, steps);
    try (Session session = backend.bind(backend.prepare(plan))) {
      session.load(Images.samples(DATA.train()));
      for (int step = 0; step < steps; step++) {
        Parameters.write(session, parameters);
        Map<TensorSpec, double[]> sums = new HashMap<>();
        long samples = 0;
        for (int k = 0; k < tasks; k++) {
          int from = step * recipe.batch() + k * part;
          int[] own = Arrays.copyOfRange(order, from, from + part);
          session.begin(new Epoch(recipe.seed(), step, own, new float[1], Metrics.NONE, k * part));
          session.run();
          long seen = session.metrics().samples();
          samples += seen;
          for (TensorSpec gradient : plan.tensors(Role.PARAMETER_GRADIENT)) {
            double[] sum =
                sums.computeIfAbsent(
                    gradient, g -> new double[Math.toIntExact(g.shape().elements())]);
            float[] values = session.read(gradient).values();
            for (int i = 0; i < sum.length; i++) {
              sum[i] += seen * (double) values[i];
            }
          }
        }
        for (TensorSpec parameter : plan.tensors(Role.PARAMETER)) {
          float[] w = parameters.get(parameter.name()).values();
          float[] v = velocities.computeIfAbsent(parameter.name(), n -> new float[w.length]);
          double[] sum = sums.get(plan.tensor(parameter.name() + ".gradient"));
          for (int i = 0; i < w.length; i++) {
            double g = (float) (sum[i] / samples) + (double) sgd.weightDecay() * w[i];
            double velocity = (double) sgd.momentum() * v[i] + g;
            v[i] = (float) velocity;
            w[i] = (float) (w[i] - (double) rates[step] * (g + sgd.momentum() * velocity));
          }
        }
      }
    }
    assertSameBits(parameters, actual.parameters());
  }

  /** Nobody to share with: the bits of a training that knows of no rounds. */
  @ParameterizedTest
  @ValueSource(ints = {1, 3, 7, 100})
  void oneTaskTrainsAsOneMachineDoes(int localSteps) {
    Recipe recipe = Trial.recipe();
    assertSameBits(
        alone(recipe, Trial.NETWORK), train(rounds(1, localSteps), recipe, Trial.NETWORK));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4})
  void oneTaskWithEverythingAnOptimizerHas(int localSteps) {
    Recipe recipe =
        Trial.recipe().toBuilder()
            .learning(
                new Learning(
                    new Adam(0.9f, 0.99f, 1e-8f, 0.01f, true),
                    new Learning.Factors(2, 1, 0.5f, true),
                    Optional.of(0.5f),
                    Optional.of(0.9f)))
            .build();
    assertSameBits(alone(recipe, WITH_NORM), train(rounds(1, localSteps), recipe, WITH_NORM));
  }

  /** Masks and variations are those of the whole batch, so that only the order of sums differs. */
  @Test
  void howManyTasksThereAreChangesRoundingOnly() {
    Recipe recipe = Trial.recipe().toBuilder().epochs(1).build();
    Checkpoint one = alone(recipe, Trial.NETWORK);
    for (int tasks : new int[] {2, 4, 8}) {
      train(rounds(tasks, 1), recipe, Trial.NETWORK)
          .parameters()
          .forEach(
              (name, values) ->
                  assertArrayEquals(
                      one.parameters().get(name).values(), values.values(), 1e-5f, name));
    }
  }

  /** Several devices, in any order, each task twice: what counts is its number. */
  @ParameterizedTest
  @CsvSource({"2, 1", "4, 1", "2, 3", "4, 7"})
  void whoComputesATaskChangesNoBit(int tasks, int localSteps) {
    Recipe recipe = Trial.recipe().toBuilder().epochs(2).build();
    Rounds rounds = rounds(tasks, localSteps);
    Random random = new Random(7);
    List<RoundTask> devices =
        IntStream.range(0, 3)
            .mapToObj(
                i -> new RoundTask(new ReferenceBackend(), rounds, recipe, Trial.NETWORK, IMAGE))
            .toList();
    Workers many =
        new Workers() {
          @Override
          public void load(Samples samples) {
            devices.forEach(device -> device.load(samples));
          }

          @Override
          public List<Round.Part> compute(Round round) {
            List<Integer> numbers = new ArrayList<>(IntStream.range(0, tasks).boxed().toList());
            numbers.addAll(List.copyOf(numbers));
            Collections.shuffle(numbers, random);
            Round.Part[] parts = new Round.Part[tasks];
            for (int task : numbers) {
              parts[task] = devices.get(random.nextInt(devices.size())).compute(round, task);
            }
            return List.of(parts);
          }

          @Override
          public void close() {
            devices.forEach(RoundTask::close);
          }
        };
    try (many) {
      assertSameBits(
          train(rounds, recipe, Trial.NETWORK),
          trainer(many, rounds, recipe, Trial.NETWORK).train());
    }
  }

  @Test
  void meansAreOverSamples() {
    List<Round.Part> parts =
        List.of(
            new Round.Part(new float[] {1, 10}, new Metrics(2, 3, 1, 2)),
            new Round.Part(new float[] {5, 20}, new Metrics(1, 1, 0, 1)),
            new Round.Part(new float[] {9, 99}, Metrics.NONE));
    assertArrayEquals(new float[] {2, 12.5f}, Round.mean(parts));
    assertEquals(new Metrics(4, 5, 1, 3), Round.sum(new Metrics(1, 1, 0, 0), parts));
  }

  /** Running means and variances travel, too. */
  @Test
  void stateIsTheMeanOfTheTasks() {
    Recipe recipe = Trial.recipe().toBuilder().epochs(1).build();
    String mean = "1.running_mean";
    Checkpoint two = train(rounds(2, 1), recipe, WITH_NORM);
    float[] expected = alone(recipe, WITH_NORM).parameters().get(mean).values();
    assertArrayEquals(expected, two.parameters().get(mean).values(), 0.05f);
    assertNotEquals(0, two.parameters().get(mean).values()[0]);
  }

  /** v ← 0.9 v + d, w ← w + 0.7 (d + 0.9 v), with d from tasks that ran without an outer step. */
  @Test
  void theOuterStepIsNesterovs() {
    Recipe recipe = Trial.recipe().toBuilder().epochs(1).build();
    int all = 7; // One round: the whole epoch.
    Map<String, HostTensor> start =
        Parameters.draw(recipe, Trial.NETWORK, recipe.images(IMAGE).output());
    Checkpoint mean = train(rounds(2, all), recipe, Trial.NETWORK);
    Checkpoint outer = train(diLoCo(2, all), recipe, Trial.NETWORK);
    start.forEach(
        (name, from) -> {
          float[] to = mean.parameters().get(name).values();
          for (int i = 0; i < to.length; i++) {
            double change = to[i] - from.values()[i];
            assertEquals(
                from.values()[i] + 0.7 * (change + 0.9 * change),
                outer.parameters().get(name).values()[i],
                1e-6,
                name);
            assertEquals(
                -change, outer.optimizerState().get(name + ".outer").values()[i], 1e-6, name);
          }
        });
  }

  @ParameterizedTest
  @CsvSource({"2, 1, false", "2, 3, false", "4, 3, true", "2, 1, true"})
  void aTrainingThatWasStoppedGoesOnToTheSameBits(int tasks, int localSteps, boolean outer) {
    Recipe recipe = Trial.recipe();
    Rounds rounds = outer ? diLoCo(tasks, localSteps) : rounds(tasks, localSteps);
    Checkpoint undisturbed = train(rounds, recipe, Trial.NETWORK);
    Checkpoint stopped;
    try (OneAfterTheOther workers = inTurn(rounds, recipe, Trial.NETWORK)) {
      Trainer[] trainer = new Trainer[1];
      int[] left = {4};
      Workers stopping =
          new Workers() {
            @Override
            public void load(Samples samples) {
              workers.load(samples);
            }

            @Override
            public List<Round.Part> compute(Round round) {
              if (--left[0] == 0) {
                trainer[0].stop();
              }
              return workers.compute(round);
            }

            @Override
            public void close() {}
          };
      trainer[0] = trainer(stopping, rounds, recipe, Trial.NETWORK);
      stopped = trainer[0].train();
    }
    assertEquals(localSteps == 1 ? 4 : 3, stopped.position().step(), "after whole rounds only");
    try (Workers workers = inTurn(rounds, recipe, Trial.NETWORK)) {
      assertSameBits(undisturbed, trainer(workers, rounds, recipe, Trial.NETWORK).resume(stopped));
    }
  }

  @Test
  void whatCannotBeIsSaid() {
    says("a round has at least 1 task, not 0", () -> rounds(0, 1));
    says("a round has at least 1 local step, not 0", () -> rounds(1, 0));
    says("the outer rate is above 0, not NaN", () -> new Rounds.Outer(Float.NaN, 0));
    says("the outer momentum is in [0, 1), not 1.0", () -> new Rounds.Outer(1, 1));
    Workers nobody =
        new Workers() {
          @Override
          public void load(Samples samples) {}

          @Override
          public List<Round.Part> compute(Round round) {
            return List.of();
          }

          @Override
          public void close() {}
        };
    says(
        "a batch of 8 cannot be divided among 3 tasks; take a multiple of 3",
        () -> trainer(nobody, rounds(3, 1), Trial.recipe(), Trial.NETWORK));
    RuntimeException few =
        assertThrows(
            RuntimeException.class,
            () -> trainer(nobody, rounds(2, 1), Trial.recipe(), Trial.NETWORK).train());
    assertEquals("0 of 2 tasks have returned", few.getMessage());
  }

  private static void says(String message, Runnable action) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, action::run).getMessage());
  }

  /** Many tasks learn as one does: no accuracy is lost on what is easy. */
  @Test
  void localStepsLearn() {
    Recipe recipe = Trial.recipe().toBuilder().epochs(6).build();
    double one = alone(recipe, Trial.NETWORK).history().last().orElseThrow().trainLoss();
    double many =
        train(rounds(4, 3), recipe, Trial.NETWORK).history().last().orElseThrow().trainLoss();
    assertTrue(many < one + 0.2, many + " against " + one);
  }
}
