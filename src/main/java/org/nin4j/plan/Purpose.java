package org.nin4j.plan;

import java.util.Optional;
import org.nin4j.plan.step.Learning;
import org.nin4j.plan.step.Optimizer;

/** What a plan is for. */
public sealed interface Purpose {
  /** Forward, loss and counts only: evaluation, prediction. */
  record Inference() implements Purpose {}

  /**
   * Forward, loss, gradients and, if it is said how, the update.
   *
   * @param learning what changes the parameters; empty leaves the gradients where they are
   * @param labelSmoothing see {@link org.nin4j.plan.step.SoftmaxCrossEntropy}
   */
  record Training(Optional<Learning> learning, float labelSmoothing) implements Purpose {
    public Training(Optimizer optimizer) {
      this(Optional.of(Learning.by(optimizer)), 0);
    }
  }
}
