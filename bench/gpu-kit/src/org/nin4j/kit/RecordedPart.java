package org.nin4j.kit;

import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.nin4j.backend.RecordedSteps;
import org.nin4j.backend.cuda.CudaBackend;

/**
 * Repeats training steps of the whole NiN that libtorch did, in fp32: losses within the tests' own
 * 2e-5, counts of right answers, changes of parameters.
 */
final class RecordedPart {
  private static final int STEPS_WHEN_SMALL = 2;

  private RecordedPart() {}

  static List<Figure> figures(Room room) {
    return Stream.of(RecordedSteps.MOMENTUM, RecordedSteps.DROPOUT)
        .map(name -> new Figure(name, (r, findings) -> check(r, findings, name)))
        .toList();
  }

  private static void check(Room room, Findings findings, String name) {
    int steps = room.small() ? STEPS_WHEN_SMALL : Integer.MAX_VALUE;
    try (CudaBackend backend = room.open()) {
      double worst = RecordedSteps.check(backend, name, steps);
      findings.put(
          name,
          worst,
          String.format(
              Locale.ROOT,
              "%s: %s, losses differ by at most %.1e",
              name,
              room.small() ? "the first " + steps + " steps" : "all steps",
              worst));
    }
  }
}
