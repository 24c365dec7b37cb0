package org.nin4j.plan.step;

import java.util.List;

/** y = x in another type, rounded to the nearest. */
public record Cast(String layer, TensorSpec input, TensorSpec output) implements ForwardStep {
  public Cast {
    TensorRules.of(layer, Cast.class)
        .require(
            input.shape().equals(output.shape()),
            input + " and " + output + " must be of one shape");
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
    return gradients.by(input, dx -> new Cast(layer, outputGradient, dx));
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
