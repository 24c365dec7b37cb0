package org.nin4j.backend.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.nin4j.backend.TrainingParity;
import org.nin4j.model.Network;
import org.nin4j.plan.Precision;

class OneDnnTrainingTest {
  /** Eight steps let rounding grow a little; each alone agrees to 1e-5. */
  @Test
  void trainsAsTheReferenceDoes() {
    try (OneDnnBackend backend = new OneDnnBackend(2)) {
      TrainingParity.check(backend, Precision.FP32, 1e-4);
    }
  }

  /** Activations of 8 bits: each step's loss is off by up to some 2⁻⁸, and the steps add up. */
  @Test
  void trainsNearlySoInBfloat16() {
    try (OneDnnBackend backend = new OneDnnBackend(2)) {
      TrainingParity.check(backend, Precision.BF16, 0.03);
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
}
