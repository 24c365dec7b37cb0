package org.nin4j.study;

import java.util.Optional;
import org.nin4j.train.Progress;
import org.nin4j.train.checkpoint.Position;

/** Is notified how a study goes, on the thread that trains. */
public interface StudyListener {
  /**
   * A run and its place in the study.
   *
   * @param number from 1
   * @param of how many there are, with those that were finished before
   * @param run what is trained
   */
  record Place(int number, int of, PlannedRun run) {}

  /** Something goes otherwise than asked for, though well. */
  default void remarked(String remark) {}

  /**
   * A run begins.
   *
   * @param from where it goes on, if it was interrupted
   */
  default void began(Place place, Optional<Position> from) {}

  /**
   * Some steps of a run are done.
   *
   * @param share of all the work that was left when the study was started, in [0, 1]
   */
  default void progressed(Place place, Progress progress, double share) {}

  /** A run has ended, and the reports are written. */
  default void ended(Place place, RunResult result, double share) {}
}
