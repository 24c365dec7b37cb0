package org.nin4j.train;

import java.util.List;
import org.nin4j.plan.Plan;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.Position;
import org.nin4j.train.history.History;

/**
 * Is notified how a training goes, on the training's thread: what takes long here makes training
 * wait.
 */
public interface TrainingListener {
  /**
   * Something goes otherwise than asked for, though well, such as another precision.
   *
   * @param remark a line for people
   */
  default void remarked(String remark) {}

  /** Everything is bound; the first step comes next. */
  default void started(TrainingStart start) {}

  /** Some steps are done: a few times a second, and at the end of each phase. */
  default void progressed(Progress progress) {}

  /** The training waits between two steps, until it is let go on or stopped. */
  default void paused(Position at) {}

  /** It goes on where it waited. */
  default void wentOn() {}

  /** Whether {@link #timed} is of use: a few steps of the training are then waited for. */
  default boolean wantsStepTimes() {
    return false;
  }

  /**
   * Some of the training's own steps were timed, once it was warm: once in a training, to those who
   * want it.
   *
   * @param plan as the device runs it
   * @param nanoseconds of each timed run, by the step's place in the plan
   */
  default void timed(Plan plan, List<long[]> nanoseconds) {}

  /** Whether {@link #examined} is of use: each step of an evaluation is then waited for. */
  default boolean wantsAnswers() {
    return false;
  }

  /**
   * The answers to all test images after an epoch, before {@link #epochEnded}, to those who want
   * them.
   *
   * @param epoch its number, from 1
   */
  default void examined(int epoch, Evaluation evaluation) {}

  /** An epoch is trained and evaluated: the last one of this history. */
  default void epochEnded(History history) {}

  /**
   * The state that the run can go on from: after each epoch, where it is stopped, and within an
   * epoch where {@link Trainer#checkpointEvery} asks for it.
   *
   * @param best whether no earlier epoch had as high a test accuracy on the same images
   */
  default void checkpointed(Checkpoint checkpoint, boolean best) {}
}
