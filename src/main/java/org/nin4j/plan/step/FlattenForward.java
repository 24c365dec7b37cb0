package org.nin4j.plan.step;

import java.util.List;

/** (N, C, H, W) → (N, C·H·W), in logical order whatever the backend's layout. */
public record FlattenForward(String layer, TensorSpec input, TensorSpec output)
    implements ForwardStep {
  public FlattenForward {
    TensorRules.of(layer, FlattenForward.class).flattened(input, output);
  }

  @Override
  public List<TensorSpec> inputs() {
    return List.of(input);
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(input);
  }

  @Override
  public List<TensorSpec> writes() {
    return List.of(output);
  }

  @Override
  public List<Step> backward(TensorSpec outputGradient, Gradients gradients) {
    return gradients.by(input, dx -> new FlattenBackward(layer, outputGradient, dx));
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
