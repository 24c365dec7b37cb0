package org.nin4j.plan.step;

import java.util.List;

/** (N, C·H·W) → (N, C, H, W). */
public record FlattenBackward(String layer, TensorSpec outputGradient, TensorSpec inputGradient)
    implements Step {
  public FlattenBackward {
    TensorRules.of(layer, FlattenBackward.class).flattened(inputGradient, outputGradient);
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(outputGradient);
  }

  @Override
  public List<TensorSpec> writes() {
    return List.of(inputGradient);
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
