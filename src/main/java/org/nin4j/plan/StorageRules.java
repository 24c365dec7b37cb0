package org.nin4j.plan;

import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;

/** What a backend says about its storage before places are given out. */
public interface StorageRules {
  /** Bytes of a tensor in the backend's own layout. */
  long bytes(TensorSpec tensor);

  /** Every place is a multiple of the given number of bytes; a power of two. */
  long alignment();

  /** Bytes that a step needs while it runs. */
  default long workspace(Step step) {
    return 0;
  }

  /** Bytes that a step keeps for itself between runs, such as weights in a layout of its own. */
  default long resident(Step step) {
    return 0;
  }

  /**
   * The last step of the plan that may run while this one still does; both by their places in the
   * plan. What this one reads and writes, and its workspace, are its own until then.
   */
  default int lastConcurrentStep(int step) {
    return step;
  }

  /** Whether a step may write over what it reads, where {@link Step#inPlace} would allow it. */
  default boolean inPlace(Step step) {
    return true;
  }
}
