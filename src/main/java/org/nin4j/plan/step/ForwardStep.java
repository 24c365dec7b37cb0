package org.nin4j.plan.step;

import java.util.List;

/** A step of the network itself, with a gradient. */
public sealed interface ForwardStep extends Step
    permits Cast,
        ConvolutionForward,
        LinearForward,
        ActivationForward,
        BatchNormForward,
        BatchNormInference,
        MaxPoolForward,
        AvgPoolForward,
        GlobalAvgPoolForward,
        GlobalMaxPoolForward,
        DropoutForward,
        FlattenForward,
        Sum,
        ConcatForward {
  /** The activations that it reads, in order; one for most kinds. */
  List<TensorSpec> inputs();

  /** The activation that it computes. */
  TensorSpec output();

  /**
   * The steps that turn the gradient by the output into those by the parameters and by the inputs.
   *
   * @param outputGradient the loss's gradient by {@link #output}
   * @param gradients the tensors that the results go to
   */
  List<Step> backward(TensorSpec outputGradient, Gradients gradients);
}
