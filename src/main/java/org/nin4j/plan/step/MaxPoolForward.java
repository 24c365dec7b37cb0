package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.nin4j.model.MaxPool2d;
import org.nin4j.tensor.DType;

/**
 * y = maximum of each window of x; {@code position} says which element won, counted row by row from
 * the window's corner (in the padding, if it has any), one byte each, in training only.
 */
public record MaxPoolForward(
    String layer,
    MaxPool2d pool,
    TensorSpec input,
    TensorSpec output,
    Optional<TensorSpec> position)
    implements ForwardStep {
  public MaxPoolForward {
    TensorRules.of(layer, MaxPoolForward.class)
        .rank(input, 4)
        .pooled(pool.window(), pool.ceil(), input, output)
        .oneType(input, output);
    position.ifPresent(
        p ->
            TensorRules.of(layer, MaxPoolForward.class)
                .type(DType.U8, p)
                .pooled(pool.window(), pool.ceil(), input, p));
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
    return Stream.concat(Stream.of(output), position.stream()).toList();
  }

  @Override
  public List<Step> backward(TensorSpec outputGradient, Gradients gradients) {
    return gradients.by(
        input, dx -> new MaxPoolBackward(layer, pool, position.orElseThrow(), outputGradient, dx));
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
