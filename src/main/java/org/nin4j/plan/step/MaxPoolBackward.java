package org.nin4j.plan.step;

import java.util.List;
import org.nin4j.model.MaxPool2d;
import org.nin4j.tensor.DType;

/** dx = at each element the sum of dy over the windows that it won. */
public record MaxPoolBackward(
    String layer,
    MaxPool2d pool,
    TensorSpec position,
    TensorSpec outputGradient,
    TensorSpec inputGradient)
    implements Step {
  public MaxPoolBackward {
    TensorRules.of(layer, MaxPoolBackward.class)
        .rank(inputGradient, 4)
        .pooled(pool.window(), pool.ceil(), inputGradient, outputGradient)
        .oneType(inputGradient, outputGradient)
        .pooled(pool.window(), pool.ceil(), inputGradient, position)
        .type(DType.U8, position);
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
