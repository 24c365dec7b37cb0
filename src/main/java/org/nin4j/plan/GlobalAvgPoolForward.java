package org.nin4j.plan;

import java.util.List;

/** y[n,c] = mean of x[n,c] over its pixels. */
public record GlobalAvgPoolForward(String layer, TensorSpec input, TensorSpec output)
    implements ForwardStep {
  public GlobalAvgPoolForward {
    TensorRules.of(layer, GlobalAvgPoolForward.class).averaged(input, output);
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
        .<List<Step>>map(dx -> List.of(new GlobalAvgPoolBackward(layer, outputGradient, dx)))
        .orElse(List.of());
  }
}
