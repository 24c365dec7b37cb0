package org.nin4j.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nin4j.backend.TrainingParity;
import org.nin4j.backend.TrainingParity.Trained;
import org.nin4j.model.Network;
import org.nin4j.plan.Precision;

class CudaTrainingTest {
  private static CudaBackend open(boolean graph) {
    return CudaBackend.open(
        0,
        CudaOptions.STANDARD
            .withLibraries(List.of(Path.of("target/stand-in/lib")))
            .withCache(Path.of("target/test-cache"))
            .withGraph(graph));
  }

  /** Eight steps let rounding grow a little; each alone agrees to 1e-5. */
  @Test
  void trainsAsTheReferenceDoes() {
    try (CudaBackend backend = open(true)) {
      TrainingParity.check(backend, Precision.FP32, 1e-4);
    }
  }

  /** Activations of 8 bits: each step's loss is off by up to some 2⁻⁸, and the steps add up. */
  @Test
  void trainsNearlySoInBfloat16() {
    try (CudaBackend backend = open(true)) {
      TrainingParity.check(backend, Precision.BF16, 0.03);
    }
  }

  @ParameterizedTest
  @EnumSource
  void graphAndStepsGiveTheSameBits(Precision precision) {
    for (Network network : TrainingParity.networks()) {
      Trained graph;
      Trained steps;
      try (CudaBackend backend = open(true)) {
        graph = TrainingParity.train(backend, network, precision, 7);
      }
      try (CudaBackend backend = open(false)) {
        steps = TrainingParity.train(backend, network, precision, 7);
      }
      assertArrayEquals(graph.losses(), steps.losses());
      assertEquals(graph.top1(), steps.top1());
      for (int p = 0; p < graph.parameters().size(); p++) {
        assertArrayEquals(graph.parameters().get(p), steps.parameters().get(p));
      }
    }
  }
}
