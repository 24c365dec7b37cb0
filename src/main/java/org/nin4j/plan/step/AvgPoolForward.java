package org.nin4j.plan.step;

import java.util.List;
import org.nin4j.model.AvgPool2d;

/** y = the mean of each window of x: see {@link AvgPool2d} for what counts. */
public record AvgPoolForward(String layer, AvgPool2d pool, TensorSpec input, TensorSpec output)
    implements ForwardStep {
  public AvgPoolForward {
    TensorRules.of(layer, AvgPoolForward.class)
        .pooled(pool.window(), pool.ceil(), input, output)
        .oneType(input, output);
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
    return gradients.by(input, dx -> new AvgPoolBackward(layer, pool, outputGradient, dx));
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
