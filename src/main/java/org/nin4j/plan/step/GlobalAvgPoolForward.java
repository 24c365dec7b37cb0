package org.nin4j.plan.step;

import java.util.List;

/** y[n,c] = mean of x[n,c] over its pixels. */
public record GlobalAvgPoolForward(String layer, TensorSpec input, TensorSpec output)
    implements ForwardStep {
  public GlobalAvgPoolForward {
    TensorRules.of(layer, GlobalAvgPoolForward.class).pooledWhole(input, output);
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
    return gradients.by(input, dx -> new GlobalAvgPoolBackward(layer, outputGradient, dx));
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
