package org.nin4j.plan.step;

import org.nin4j.model.Conv2d;

/** A convolution, or one of its gradients. */
public sealed interface ConvolutionStep extends Step
    permits ConvolutionForward, ConvolutionBackwardData, ConvolutionBackwardFilter {
  Conv2d convolution();

  /** What the layer reads, or its gradient: (N, channels, height, width). */
  TensorSpec images();

  /** What the layer writes, or its gradient: (N, filters, height, width). */
  TensorSpec results();

  /** The same step for another number of samples. */
  ConvolutionStep withSamples(int samples);
}
