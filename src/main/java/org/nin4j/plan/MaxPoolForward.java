package org.nin4j.plan;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.nin4j.model.MaxPool2d;

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
