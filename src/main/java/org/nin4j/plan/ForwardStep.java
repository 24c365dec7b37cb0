package org.nin4j.plan;

import java.util.List;

/** A step with an activation in and one out, and a gradient. */
public sealed interface ForwardStep extends Step
    permits ConvolutionForward,
        LinearForward,
        ReluForward,
        MaxPoolForward,
        GlobalAvgPoolForward,
        DropoutForward,
        FlattenForward {
  TensorSpec input();

  TensorSpec output();

  /**
   * The steps that turn the gradient by the output into those by the parameters and by the input.
   *
   * @param outputGradient the loss's gradient by {@link #output}
   * @param gradients the tensors that the results go to
   */
  List<Step> backward(TensorSpec outputGradient, Gradients gradients);
}
