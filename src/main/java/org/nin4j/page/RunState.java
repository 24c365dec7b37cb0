package org.nin4j.page;

import java.util.List;
import java.util.Optional;
import org.nin4j.train.Progress;
import org.nin4j.train.history.History;

/**
 * How a training stands at a moment; never changes.
 *
 * @param phase what it does
 * @param asked what a reader wants of it
 * @param message for people, at its end
 * @param progress of the epoch under way
 * @param points of the curves by steps, since this process began
 * @param history of all epochs
 * @param elapsed seconds since the first step, pauses left out
 * @param left seconds until the end if it goes on like this; 0 before that can be said
 */
record RunState(
    Phase phase,
    Asked asked,
    String message,
    Optional<Progress> progress,
    List<CurvePoint> points,
    History history,
    double elapsed,
    double left) {
  /** What a training does. */
  enum Phase {
    PREPARING,
    TRAINING,
    EVALUATION,
    PAUSED,
    ENDED,
    STOPPED,
    FAILED;

    boolean over() {
      return this == ENDED || this == STOPPED || this == FAILED;
    }
  }

  /** What a reader wants of it. */
  enum Asked {
    NOTHING,
    PAUSE,
    STOP
  }

  static final RunState FIRST =
      new RunState(
          Phase.PREPARING, Asked.NOTHING, "", Optional.empty(), List.of(), History.EMPTY, 0, 0);

  RunState in(Phase next) {
    return new RunState(next, asked, message, progress, points, history, elapsed, left);
  }

  RunState asking(Asked wanted) {
    return new RunState(phase, wanted, message, progress, points, history, elapsed, left);
  }

  RunState over(Phase end, String told) {
    return new RunState(end, Asked.NOTHING, told, progress, points, history, elapsed, 0);
  }

  RunState with(History all) {
    return new RunState(phase, asked, message, progress, points, all, elapsed, left);
  }

  RunState at(Phase now, Progress at, List<CurvePoint> curve, double seconds, double secondsLeft) {
    return new RunState(now, asked, message, Optional.of(at), curve, history, seconds, secondsLeft);
  }
}
