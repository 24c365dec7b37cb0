package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.nin4j.tensor.DType;

/**
 * y[n,c] = maximum of x[n,c] over its pixels; {@code position} says which pixel won, counted row by
 * row, in training only.
 */
public record GlobalMaxPoolForward(
    String layer, TensorSpec input, TensorSpec output, Optional<TensorSpec> position)
    implements ForwardStep {
  public GlobalMaxPoolForward {
    TensorRules.of(layer, GlobalMaxPoolForward.class).pooledWhole(input, output);
    position.ifPresent(
        p ->
            TensorRules.of(layer, GlobalMaxPoolForward.class)
                .type(DType.I32, p)
                .shape(p, output.shape().dim(0), output.shape().dim(1), 1, 1));
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
        input, dx -> new GlobalMaxPoolBackward(layer, position.orElseThrow(), outputGradient, dx));
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
