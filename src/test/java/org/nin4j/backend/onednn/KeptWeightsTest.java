package org.nin4j.backend.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
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
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
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

  /** A norm that is folded, windows of three sizes, and a linear layer. */
  private static final Network NETWORK =
      new Network(
          "kept",
          Sequential.of(
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
        float[] second = run(session, 2);
        assertFalse(Arrays.equals(first, second));
        assertArrayEquals(fresh(backend, placed, 2), second, 0);
        assertArrayEquals(first, run(session, 1), 0);
        // A single tensor, and a statistic that is folded into weights.
        for (Role role : List.of(Role.PARAMETER, Role.STATE)) {
          TensorSpec one = plan.tensors(role).get(0);
          HostTensor values = session.read(one);
          values.values()[0] += 1;
          session.write(one, values);
          assertFalse(Arrays.equals(first, again(session)), one.toString());
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

  private float[] run(Session session, int variant) {
    Plan plan = session.placed().plan();
    Philox.Sequence random = new Philox.Sequence(seed, variant, 0);
    for (Role role : List.of(Role.PARAMETER, Role.STATE)) {
      for (TensorSpec tensor : plan.tensors(role)) {
        HostTensor values = HostTensor.zeros(tensor.shape());
        for (int i = 0; i < values.values().length; i++) {
          // Above 0 for variances, and of either sign for the rest.
          values.values()[i] =
              role == Role.STATE ? 0.5f + random.nextUniform() : random.nextUniform() - 0.4f;
        }
        session.write(tensor, values);
      }
    }
    return again(session);
  }

  /** The logits of the first batch after a run of another one. */
  private float[] again(Session session) {
    Plan plan = session.placed().plan();
    session.begin(new Epoch(seed, 0, new int[] {3, 4, 5, 0, 1, 2}, new float[2]));
    session.run();
    session.run();
    SoftmaxCrossEntropy loss = plan.steps(SoftmaxCrossEntropy.class).findFirst().orElseThrow();
    return session.read(loss.logits()).values();
  }
}
