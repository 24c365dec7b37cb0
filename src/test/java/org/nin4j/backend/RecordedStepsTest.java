package org.nin4j.backend;

import org.junit.jupiter.api.Test;
import org.nin4j.backend.onednn.OneDnnBackend;
import org.nin4j.backend.reference.ReferenceBackend;

/**
 * The CPU backends take the same steps as libtorch. The reference takes seconds a step, so it
 * repeats only the beginning of each recording.
 */
class RecordedStepsTest {
  @Test
  void referenceBeginsWithMomentum() {
    try (Backend backend = new ReferenceBackend()) {
      RecordedSteps.check(backend, RecordedSteps.MOMENTUM, 2);
    }
  }

  @Test
  void referenceBeginsWithDropout() {
    try (Backend backend = new ReferenceBackend()) {
      RecordedSteps.check(backend, RecordedSteps.DROPOUT, 2);
    }
  }

  @Test
  void oneDnnTakesAllSteps() {
    try (Backend backend = new OneDnnBackend(2)) {
      RecordedSteps.check(backend, RecordedSteps.CHANGE_TOLERANCE_BY_TILES);
    }
  }
}
