package org.nin4j.kit;

import java.util.LinkedHashMap;
import java.util.Map;
import org.nin4j.backend.RecordedSteps;
import org.nin4j.backend.cuda.CudaBackend;

/**
 * Repeats training steps of the whole NiN that libtorch did, in fp32: losses within the tests' own
 * 2e-5, counts of right answers, changes of parameters.
 */
final class RecordedPart {
  private static final int STEPS_WHEN_SMALL = 2;

  private RecordedPart() {}

  static Outcome run(Room room) {
    int steps = room.small() ? STEPS_WHEN_SMALL : Integer.MAX_VALUE;
    Map<String, Object> worst = new LinkedHashMap<>();
    try (CudaBackend backend = room.open()) {
      for (String name : new String[] {RecordedSteps.MOMENTUM, RecordedSteps.DROPOUT}) {
        worst.put(name, RecordedSteps.check(backend, name, steps));
      }
    } catch (AssertionError e) {
      return Outcome.of(false, e.getMessage(), worst);
    }
    return Outcome.of(
        true,
        (room.small() ? "the first " + steps + " steps" : "all steps")
            + ", losses differ by at most "
            + worst,
        worst);
  }
}
