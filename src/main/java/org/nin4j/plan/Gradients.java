package org.nin4j.plan;

import java.util.Optional;

/** The tensors that a {@link ForwardStep}'s gradients go to. */
public interface Gradients {
  /** Where the gradient by the step's input goes; empty where nobody needs it. */
  Optional<TensorSpec> input();

  /** Where the gradient by a parameter goes. */
  TensorSpec parameter(TensorSpec parameter);
}
