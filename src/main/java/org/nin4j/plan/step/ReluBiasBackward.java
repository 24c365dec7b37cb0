package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;

/**
 * The gradient of a ReLU and the bias gradient of the convolution before it in one pass: dx = dy
 * where y &gt; 0, else 0; db[c] = Σ of dx over samples and pixels.
 */
public record ReluBiasBackward(
    String layer,
    TensorSpec output,
    TensorSpec outputGradient,
    TensorSpec inputGradient,
    TensorSpec biasGradient)
    implements Step {
  public ReluBiasBackward {
    TensorRules.of(layer, ReluBiasBackward.class)
        .alike(output, outputGradient, inputGradient)
        .rank(output, 4)
        .channels(biasGradient, output.shape().dim(1));
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(output, outputGradient);
  }

  @Override
  public List<TensorSpec> writes() {
    return List.of(inputGradient, biasGradient);
  }

  @Override
  public Optional<InPlace> inPlace() {
    return Optional.of(new InPlace(outputGradient, inputGradient));
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
