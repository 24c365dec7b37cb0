package org.nin4j.plan;

import java.util.List;

/** (N, C, H, W) → (N, C·H·W), in logical order whatever the backend's layout. */
public record FlattenForward(String layer, TensorSpec input, TensorSpec output)
    implements ForwardStep {
  public FlattenForward {
    TensorRules.of(layer, FlattenForward.class).flattened(input, output);
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
    return gradients
        .input()
        .<List<Step>>map(dx -> List.of(new FlattenBackward(layer, outputGradient, dx)))
        .orElse(List.of());
  }
}
