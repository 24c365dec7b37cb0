package org.nin4j.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.nin4j.backend.Backend;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.ReducedNetwork;
import org.nin4j.backend.TrainingParity;
import org.nin4j.backend.TrainingParity.Trained;
import org.nin4j.model.Network;
import org.nin4j.model.zoo.Networks;
import org.nin4j.plan.Precision;
import org.nin4j.standin.StandIn;
import org.nin4j.train.ColouredImages;
import org.nin4j.train.Trainer;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;

/** Training small networks on the stand-in. */
class CudaTrainingTest {
  private static final int ORDERS = 6;

  @BeforeEach
  void available() {
    StandIn.assumeAvailable();
  }

  @AfterEach
  void nothingLeft() {
    StandInGpu.assertNoComplaint();
    StandInGpu.assertNothingLeft("training");
  }

  /** Eight steps let rounding grow a little; each alone agrees to 1e-5. */
  @Test
  void trainsAsTheReferenceDoes() {
    try (CudaBackend backend = StandInGpu.open()) {
      TrainingParity.check(backend, Precision.FP32, 1e-4);
    }
  }

  /** The stand-in rounds factors to TF32 where that is allowed: 2⁻¹¹ a factor. */
  @Test
  void trainsNearlySoInTf32() {
    try (CudaBackend backend = StandInGpu.open()) {
      TrainingParity.check(backend, Precision.TF32, 5e-3);
    }
  }

  /** Activations of 8 bits: each step's loss is off by up to some 2⁻⁸, and the steps add up. */
  @Test
  void trainsNearlySoInBfloat16() {
    try (CudaBackend backend = StandInGpu.open()) {
      TrainingParity.check(backend, Precision.BF16, 0.03);
    }
  }

  /** The paper's network with an eighth of its channels, by its recipe, from whitened images. */
  @Test
  void trainsThePapersNetwork() {
    Recipe recipe =
        Recipes.published("nin-cifar").toBuilder().batch(3).epochs(1).dataset("coloured").build();
    Network network = ReducedNetwork.of(Networks.named("nin-cifar").network(160), 16, 0.5f);
    try (CudaBackend backend = StandInGpu.open()) {
      Checkpoint trained =
          new Trainer(backend, recipe, network, ColouredImages.draw(3, 7, 2, 6), List.of()).train();
      double loss = trained.history().last().orElseThrow().trainLoss();
      // Small weights and scores that begin near 0: the logarithm of ten.
      assertEquals(Math.log(10), loss, 0.5);
    }
  }

  /** Whatever layer comes last gives fp32 logits from bf16 activations. */
  @TestFactory
  Stream<DynamicTest> everyLayerCanBeTheLast() {
    return TrainingParity.heads().stream()
        .map(
            network ->
                DynamicTest.dynamicTest(
                    network.name(),
                    () -> {
                      try (CudaBackend backend = StandInGpu.open()) {
                        TrainingParity.checkHead(backend, network);
                      }
                    }));
  }

  @TestFactory
  Stream<DynamicTest> graphAndSingleStepsGiveTheSameBits() {
    return Stream.of(Precision.values())
        .map(
            precision ->
                DynamicTest.dynamicTest(
                    precision.toString(),
                    () -> {
                      for (Network network : TrainingParity.networks()) {
                        Trained graph = train(true, network, precision);
                        Trained steps = train(false, network, precision);
                        assertSame(graph, steps);
                      }
                    }));
  }

  /** Asynchronous work runs late, blocks, threads and free nodes in any order: same bits. */
  @Test
  void lateAndShuffledGivesTheSameBits() {
    for (boolean graph : new boolean[] {true, false}) {
      for (Network network : TrainingParity.networks()) {
        StandIn.reset();
        Trained expected = train(graph, network, Precision.BF16);
        StandIn.set("lazy", 1);
        StandIn.set("order", "shuffle");
        StandIn.set("seed", (int) (System.nanoTime() & 0xffff));
        assertSame(expected, train(graph, network, Precision.BF16));
      }
    }
  }

  /**
   * Filter gradients on a second stream, where nodes and streams run in any order that their edges
   * and events allow, and everything as late as they do: same bits. Several orders, since a missing
   * edge shows only in some.
   */
  @TestFactory
  Stream<DynamicTest> aSecondStreamGivesTheSameBits() {
    return Stream.of(Precision.FP32, Precision.BF16)
        .flatMap(
            precision ->
                Stream.of(true, false)
                    .map(
                        graph ->
                            DynamicTest.dynamicTest(
                                precision + (graph ? " as a graph" : " step by step"),
                                () -> secondStream(graph, precision))));
  }

  private static void secondStream(boolean graph, Precision precision) {
    for (Network network : TrainingParity.networks()) {
      StandIn.reset();
      Trained expected = train(graph, network, precision);
      CudaOptions options = StandInGpu.options().withGraph(graph).withSecondStream(true);
      assertSame(expected, train(options, network, precision));
      StandIn.set("lazy", 1);
      StandIn.set("order", "shuffle");
      int seed = (int) (System.nanoTime() & 0xffff);
      for (int order = 0; order < ORDERS; order++) {
        System.out.println("order of nodes and streams from seed " + (seed + order));
        StandIn.set("seed", seed + order);
        assertSame(expected, train(options, network, precision));
      }
    }
  }

  private static Trained train(boolean graph, Network network, Precision precision) {
    return train(StandInGpu.options().withGraph(graph), network, precision);
  }

  private static Trained train(CudaOptions options, Network network, Precision precision) {
    try (Backend backend = CudaBackend.open(0, options)) {
      return TrainingParity.train(backend, network, precision, 7);
    }
  }

  private static void assertSame(Trained expected, Trained actual) {
    assertArrayEquals(expected.losses(), actual.losses());
    assertEquals(expected.top1(), actual.top1());
    for (int p = 0; p < expected.parameters().size(); p++) {
      assertArrayEquals(expected.parameters().get(p), actual.parameters().get(p));
    }
  }
}
