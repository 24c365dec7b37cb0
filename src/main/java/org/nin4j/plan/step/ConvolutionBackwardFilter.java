package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.nin4j.model.Conv2d;

/**
 * dw[o,c,u,v] = Σ over samples and places of dy[o,i,j] · x[c, i·stride+u−padding, …] and, where
 * {@code biasGradient} is there, db[o] = Σ of dy[o,i,j].
 */
public record ConvolutionBackwardFilter(
    String layer,
    Conv2d convolution,
    TensorSpec input,
    TensorSpec outputGradient,
    TensorSpec weightGradient,
    Optional<TensorSpec> biasGradient)
    implements ConvolutionStep {
  public ConvolutionBackwardFilter {
    TensorRules.of(layer, ConvolutionBackwardFilter.class)
        .convolved(convolution, input, weightGradient, outputGradient);
    biasGradient.ifPresent(
        b ->
            TensorRules.of(layer, ConvolutionBackwardFilter.class)
                .channels(b, weightGradient.shape().dim(0)));
  }

  @Override
  public TensorSpec images() {
    return input;
  }

  @Override
  public TensorSpec results() {
    return outputGradient;
  }

  @Override
  public ConvolutionStep withSamples(int samples) {
    return new ConvolutionBackwardFilter(
        layer,
        convolution,
        input.withSamples(samples),
        outputGradient.withSamples(samples),
        weightGradient,
        biasGradient);
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(input, outputGradient);
  }

  @Override
  public List<TensorSpec> writes() {
    return Stream.concat(Stream.of(weightGradient), biasGradient.stream()).toList();
  }

  @Override
  public long multiplyAdds() {
    return outputGradient.shape().elements()
        * weightGradient.shape().elements()
        / weightGradient.shape().dim(0);
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
