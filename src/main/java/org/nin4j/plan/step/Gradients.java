package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Where the gradients of a {@link ForwardStep} go. */
public interface Gradients {
  /**
   * A new tensor for this step's share of the gradient by one of its inputs; empty where nobody
   * needs it. Ask once for each input.
   */
  Optional<TensorSpec> of(TensorSpec input);

  /** Says that a tensor that is there already is the share of the gradient by an input. */
  void pass(TensorSpec input, TensorSpec gradient);

  /** Where the gradient by a parameter goes. */
  TensorSpec parameter(TensorSpec parameter);

  /** The step that computes the gradient by an input, if it is needed. */
  default List<Step> by(TensorSpec input, Function<TensorSpec, Step> step) {
    return of(input).map(step).stream().toList();
  }
}
