package org.nin4j.plan.step;

import java.util.List;
import org.nin4j.model.Conv2d;

/** dx[c] = Σ over o of the transposed convolution of dy[o] with w[o,c]. */
public record ConvolutionBackwardData(
    String layer,
    Conv2d convolution,
    TensorSpec outputGradient,
    TensorSpec weight,
    TensorSpec inputGradient)
    implements ConvolutionStep {
  public ConvolutionBackwardData {
    TensorRules.of(layer, ConvolutionBackwardData.class)
        .convolved(convolution, inputGradient, weight, outputGradient);
  }

  @Override
  public TensorSpec images() {
    return inputGradient;
  }

  @Override
  public TensorSpec results() {
    return outputGradient;
  }

  @Override
  public ConvolutionStep withSamples(int samples) {
    return new ConvolutionBackwardData(
        layer,
        convolution,
        outputGradient.withSamples(samples),
        weight,
        inputGradient.withSamples(samples));
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(outputGradient, weight);
  }

  @Override
  public List<TensorSpec> writes() {
    return List.of(inputGradient);
  }

  @Override
  public long multiplyAdds() {
    return outputGradient.shape().elements() * weight.shape().elements() / weight.shape().dim(0);
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
