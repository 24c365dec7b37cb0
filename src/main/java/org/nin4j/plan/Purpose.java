package org.nin4j.plan;

import java.util.Optional;
import org.nin4j.plan.step.Sgd;

/** What a plan is for. */
public sealed interface Purpose {
  /** Forward, loss and counts only: evaluation, prediction. */
  record Inference() implements Purpose {}

  /**
   * Forward, loss, gradients and, if an optimizer is given, the update.
   *
   * @param optimizer what changes the parameters; empty leaves the gradients where they are
   * @param labelSmoothing see {@link org.nin4j.plan.step.SoftmaxCrossEntropy}
   */
  record Training(Optional<Sgd> optimizer, float labelSmoothing) implements Purpose {
    public Training(Sgd sgd) {
      this(Optional.of(sgd), 0);
    }
  }
}
