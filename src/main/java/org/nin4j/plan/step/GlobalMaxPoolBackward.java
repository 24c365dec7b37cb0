package org.nin4j.plan.step;

import java.util.List;
import org.nin4j.tensor.DType;

/** dx[n,c] = dy[n,c] at the pixel that won, else 0. */
public record GlobalMaxPoolBackward(
    String layer, TensorSpec position, TensorSpec outputGradient, TensorSpec inputGradient)
    implements Step {
  public GlobalMaxPoolBackward {
    TensorRules.of(layer, GlobalMaxPoolBackward.class)
        .pooledWhole(inputGradient, outputGradient)
        .type(DType.I32, position);
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(position, outputGradient);
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
