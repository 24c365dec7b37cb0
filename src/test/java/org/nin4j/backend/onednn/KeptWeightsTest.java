package org.nin4j.backend.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.nin4j.backend.CpuOptions;
import org.nin4j.backend.CpuOptions.Convolution;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.RandomSamples;
import org.nin4j.backend.Session;
import org.nin4j.model.Activation;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Linear;
import org.nin4j.model.Network;
import org.nin4j.model.Sequential;
import org.nin4j.model.zoo.Networks;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.FoldNorm;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.Shape;

/** Weights that are brought into another layout once follow what is written. */
class KeptWeightsTest {
  private static final int BATCH = 3;
  private static final BatchSpec IMAGES = BatchSpec.unit(Shape.of(2, 9, 9), 9, 9);

  /**
   * Norms that are folded, the second where the first layers' activations have come and gone;
   * windows of three sizes, and a linear layer.
   */
  private static final Network NETWORK =
      new Network(
          "kept",
          Sequential.of(
              new Conv2d(16, 3, 1, 1),
              new BatchNorm(),
              Activation.RELU,
              new Conv2d(16, 3, 1, 1),
              new BatchNorm(),
              Activation.RELU,
              new Conv2d(16, 5, 1, 2),
              Activation.RELU,
              new Conv2d(7, 1, 1, 0),
              new GlobalAvgPool2d(),
              new Flatten(),
              new Linear(5)));

  private final long seed = System.nanoTime();

  private record Kind(Precision precision, Convolution convolutions) {}

  @TestFactory
  Stream<DynamicTest> newWeightsCountFromTheNextRunOn() {
    System.out.println("weights from seed " + seed);
    List<Kind> kinds = new ArrayList<>();
    for (Convolution way : Convolution.values()) {
      kinds.add(new Kind(Precision.FP32, way));
      try (OneDnnBackend backend = new OneDnnBackend(1)) {
        if (backend.computesIn(Precision.BF16)) {
          kinds.add(new Kind(Precision.BF16, way));
        } else {
          System.out.println("no bf16 on this processor: its kinds are left out");
        }
      }
    }
    return kinds.stream().map(k -> DynamicTest.dynamicTest(k.toString(), () -> check(k)));
  }

  private void check(Kind kind) {
    try (OneDnnBackend backend =
        new OneDnnBackend(CpuOptions.of(2).withConvolutions(kind.convolutions()))) {
      Plan plan = Planner.plan(NETWORK, IMAGES, BATCH, kind.precision(), new Purpose.Inference());
      PlacedPlan placed = backend.prepare(plan);
      try (Session session = bound(backend, placed)) {
        float[] first = run(session, 1);
        assertArrayEquals(first, again(session), 0);
        assertArrayEquals(first, fresh(backend, placed, 1), 0);
        assertArrayEquals(first, inTheFirstRun(backend, placed), 0);
        float[] second = run(session, 2);
        assertFalse(Arrays.equals(first, second));
        assertArrayEquals(fresh(backend, placed, 2), second, 0);
        assertArrayEquals(first, run(session, 1), 0);
        // A single tensor, and a statistic that is folded into weights.
        for (Role role : List.of(Role.PARAMETER, Role.STATE)) {
          TensorSpec one = plan.tensors(role).get(0);
          HostTensor values = session.read(one);
          values.values()[0] += 100;
          session.write(one, values);
          assertFalse(Arrays.equals(first, again(session)), one.toString());
        }
      }
    }
  }

  /** Deep ones, where much comes and goes between a folded norm and the next run. */
  @Test
  void laterRunsOfWholeNetworksGiveWhatTheFirstGives() {
    BatchSpec images = BatchSpec.unit(Shape.of(1, 28, 28), 67, 67);
    for (String name : List.of("nin-bn", "resnet18")) {
      Network network = Networks.named(name).network(10);
      Plan plan = Planner.plan(network, images, 16, Precision.FP32, new Purpose.Inference());
      try (OneDnnBackend backend = new OneDnnBackend(2);
          Session session = backend.bind(backend.prepare(plan))) {
        assertTrue(session.placed().plan().steps(FoldNorm.class).count() > 1, name);
        session.load(RandomSamples.of(images.source(), 16, 5, seed));
        write(session, 1, KeptWeightsTest::balanced);
        int[] order = IntStream.range(0, 16).toArray();
        float[] first = logits(session, order);
        assertFalse(Arrays.equals(first, new float[first.length]), name);
        assertTrue(IntStream.range(0, first.length).allMatch(i -> Float.isFinite(first[i])), name);
        for (int run = 2; run < 4; run++) {
          assertArrayEquals(first, logits(session, order), 0, name + ", run " + run);
        }
      }
    }
  }

  private Session bound(OneDnnBackend backend, PlacedPlan placed) {
    Session session = backend.bind(placed);
    session.load(RandomSamples.of(IMAGES.source(), 2 * BATCH, 5, seed));
    return session;
  }

  private float[] fresh(OneDnnBackend backend, PlacedPlan placed, int variant) {
    try (Session session = bound(backend, placed)) {
      return run(session, variant);
    }
  }

  /** The same logits where no run has come before. */
  private float[] inTheFirstRun(OneDnnBackend backend, PlacedPlan placed) {
    try (Session session = bound(backend, placed)) {
      write(session, 1, KeptWeightsTest::positive);
      return logits(session, new int[] {0, 1, 2});
    }
  }

  private float[] run(Session session, int variant) {
    write(session, variant, KeptWeightsTest::positive);
    return again(session);
  }

  /** A value of a tensor from one between 0 and 1. */
  @FunctionalInterface
  private interface Values {
    float of(TensorSpec tensor, float uniform);
  }

  /** So that no ReLU is dead, and each value counts. */
  private static float positive(TensorSpec tensor, float uniform) {
    return tensor.role() == Role.STATE ? 0.5f + uniform : 0.05f + uniform;
  }

  /** So that activations neither grow nor vanish in many layers (He et al., 2015). */
  private static float balanced(TensorSpec tensor, float uniform) {
    Shape shape = tensor.shape();
    return shape.rank() == 1
        ? (tensor.role() == Role.STATE ? 0.5f : 0) + uniform
        : (float) ((2 * uniform - 1) * Math.sqrt(6.0 * shape.dim(0) / shape.elements()));
  }

  private void write(Session session, int variant, Values draw) {
    Plan plan = session.placed().plan();
    Philox.Sequence random = new Philox.Sequence(seed, variant, 0);
    for (Role role : List.of(Role.PARAMETER, Role.STATE)) {
      for (TensorSpec tensor : plan.tensors(role)) {
        HostTensor values = HostTensor.zeros(tensor.shape());
        for (int i = 0; i < values.values().length; i++) {
          values.values()[i] = draw.of(tensor, random.nextUniform());
        }
        session.write(tensor, values);
      }
    }
  }

  /** The logits of the first batch after a run of another one. */
  private float[] again(Session session) {
    return logits(session, new int[] {3, 4, 5, 0, 1, 2});
  }

  /** The logits of the last batch. */
  private float[] logits(Session session, int[] order) {
    Plan plan = session.placed().plan();
    int runs = order.length / plan.batch();
    session.begin(new Epoch(seed, 0, order, new float[runs]));
    for (int i = 0; i < runs; i++) {
      session.run();
    }
    SoftmaxCrossEntropy loss = plan.steps(SoftmaxCrossEntropy.class).findFirst().orElseThrow();
    return session.read(loss.logits()).values();
  }
}
