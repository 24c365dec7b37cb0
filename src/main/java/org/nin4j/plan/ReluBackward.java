package org.nin4j.plan;

import java.util.List;
import java.util.Optional;

/** dx = dy where y &gt; 0, else 0. */
public record ReluBackward(
    String layer, TensorSpec output, TensorSpec outputGradient, TensorSpec inputGradient)
    implements Step {
  public ReluBackward {
    TensorRules.of(layer, ReluBackward.class).alike(output, outputGradient, inputGradient);
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(output, outputGradient);
  }

  @Override
  public List<TensorSpec> writes() {
    return List.of(inputGradient);
  }

  @Override
  public Optional<InPlace> inPlace() {
    return Optional.of(new InPlace(outputGradient, inputGradient));
  }
}
