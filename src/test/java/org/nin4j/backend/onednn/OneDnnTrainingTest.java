package org.nin4j.backend.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.nin4j.backend.CpuOptions;
import org.nin4j.backend.CpuOptions.Convolution;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Needs;
import org.nin4j.backend.RandomSamples;
import org.nin4j.backend.RecordedSteps;
import org.nin4j.backend.Session;
import org.nin4j.backend.TrainingParity;
import org.nin4j.model.Network;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Sgd;
import org.nin4j.tensor.Shape;

class OneDnnTrainingTest {
  /** Eight steps let rounding grow a little; each alone agrees to 1e-5. */
  @Test
  void trainsAsTheReferenceDoes() {
    try (OneDnnBackend backend = new OneDnnBackend(2)) {
      TrainingParity.check(backend, Precision.FP32, 1e-4);
    }
  }

  /** Winograd's tiles round some four times as much. */
  @Test
  void trainsSoByTiles() {
    try (OneDnnBackend backend =
        new OneDnnBackend(CpuOptions.of(3).withConvolutions(Convolution.TILES))) {
      TrainingParity.check(backend, Precision.FP32, 4e-4);
    }
  }

  /** Activations of 8 bits: each step's loss is off by up to some 2⁻⁸, and the steps add up. */
  @Test
  void trainsNearlySoInBfloat16() {
    for (Convolution way : List.of(Convolution.DIRECT, Convolution.WIDENED)) {
      try (OneDnnBackend backend = new OneDnnBackend(CpuOptions.of(2).withConvolutions(way))) {
        Needs.precision(backend, Precision.BF16);
        TrainingParity.check(backend, Precision.BF16, 0.03);
      }
    }
  }

  /** Whatever layer comes last gives fp32 logits from bf16 activations. */
  @TestFactory
  Stream<DynamicTest> everyLayerCanBeTheLast() {
    return Stream.of(Convolution.DIRECT, Convolution.WIDENED)
        .flatMap(
            way ->
                TrainingParity.heads().stream()
                    .map(
                        network ->
                            DynamicTest.dynamicTest(
                                network.name() + ", " + way, () -> checkHead(network, way))));
  }

  private static void checkHead(Network network, Convolution way) {
    try (OneDnnBackend backend = new OneDnnBackend(CpuOptions.of(2).withConvolutions(way))) {
      Needs.precision(backend, Precision.BF16);
      TrainingParity.checkHead(backend, network);
    }
  }

  @Test
  void directConvolutionsTakeTheRecordedSteps() {
    try (OneDnnBackend backend =
        new OneDnnBackend(CpuOptions.of(2).withConvolutions(Convolution.DIRECT))) {
      RecordedSteps.check(backend);
    }
  }

  @Test
  void theSameSeedGivesTheSameBits() {
    try (OneDnnBackend backend = new OneDnnBackend(2)) {
      for (Network network : TrainingParity.networks()) {
        TrainingParity.Trained first = TrainingParity.train(backend, network, Precision.FP32, 7);
        TrainingParity.Trained second = TrainingParity.train(backend, network, Precision.FP32, 7);
        assertArrayEquals(first.losses(), second.losses());
        assertEquals(first.top1(), second.top1());
        for (int p = 0; p < first.parameters().size(); p++) {
          assertArrayEquals(first.parameters().get(p), second.parameters().get(p));
        }
      }
    }
  }

  /** After the first runs, a run leaves nothing on the Java heap. */
  @Test
  void aRunAllocatesNothing() {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long self = Thread.currentThread().getId();
    BatchSpec images = BatchSpec.unit(Shape.of(1, 12, 12), 27, 27);
    Plan plan =
        Planner.plan(
            TrainingParity.networks().get(0),
            images,
            6,
            Precision.FP32,
            new Purpose.Training(new Sgd(0.9f, true, 5e-4f)));
    try (OneDnnBackend backend =
            new OneDnnBackend(CpuOptions.of(2).withConvolutions(Convolution.TILES));
        Session session = backend.bind(backend.prepare(plan))) {
      session.load(RandomSamples.of(images.source(), 6, 5, 1));
      int runs = 30;
      int[] order = new int[6 * 2 * runs];
      session.begin(new Epoch(1, 0, order, new float[2 * runs]));
      for (int run = 0; run < runs; run++) {
        session.run();
      }
      long before = threads.getThreadAllocatedBytes(self);
      for (int run = 0; run < runs; run++) {
        session.run();
      }
      long allocated = threads.getThreadAllocatedBytes(self) - before;
      // The measurement itself may leave some bytes; one object a run would be at least 16 each.
      assertTrue(allocated < 16 * runs, allocated + " bytes in " + runs + " runs");
    }
  }
}
