package org.nin4j.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.nin4j.backend.Session;

/** Times some of a training's own steps, once they are warm: nothing is run for it besides. */
final class StepTimes {
  /** Java compiles and caches fill in the first steps. */
  private static final int WARM_UP = 16;

  private static final int TIMED = 5;

  private final List<long[]> nanoseconds = new ArrayList<>();
  private int run;

  /**
   * Runs a step.
   *
   * @return with the last step that is timed, the times of all of them
   */
  Optional<List<long[]>> run(Session session) {
    run++;
    if (run <= WARM_UP || run > WARM_UP + TIMED) {
      session.run();
      return Optional.empty();
    }
    if (run == WARM_UP + 1) {
      session.metrics(); // The steps before are not part of its time.
    }
    nanoseconds.add(session.runTimed());
    return run == WARM_UP + TIMED ? Optional.of(List.copyOf(nanoseconds)) : Optional.empty();
  }
}
