package org.nin4j.plan.step;

import java.util.List;
import org.nin4j.model.AvgPool2d;

/** dx = at each element the sum, over the windows that hold it, of dy / what the window counts. */
public record AvgPoolBackward(
    String layer, AvgPool2d pool, TensorSpec outputGradient, TensorSpec inputGradient)
    implements Step {
  public AvgPoolBackward {
    TensorRules.of(layer, AvgPoolBackward.class)
        .pooled(pool.window(), pool.ceil(), inputGradient, outputGradient)
        .oneType(inputGradient, outputGradient);
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
