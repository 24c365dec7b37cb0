package org.nin4j.train;

import org.nin4j.train.checkpoint.Checkpoint;
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

  /** An epoch is trained and evaluated: the last one of this history. */
  default void epochEnded(History history) {}

  /**
   * The state that the run can go on from: after each epoch, and where it is stopped.
   *
   * @param best whether no earlier epoch had as high a test accuracy on the same images
   */
  default void checkpointed(Checkpoint checkpoint, boolean best) {}
}
