package org.nin4j.plan.step;

import java.util.List;

/** dx[n,c,i,j] = dy[n,c] / (height · width). */
public record GlobalAvgPoolBackward(
    String layer, TensorSpec outputGradient, TensorSpec inputGradient) implements Step {
  public GlobalAvgPoolBackward {
    TensorRules.of(layer, GlobalAvgPoolBackward.class).pooledWhole(inputGradient, outputGradient);
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
