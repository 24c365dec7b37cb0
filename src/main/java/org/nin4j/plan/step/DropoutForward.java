package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;

/**
 * y[e] = x[e] / (1 − p) where uniform(e) ≥ p, else 0; uniform(e) is element e, in logical order, of
 * the Philox sequence (seed, step, {@code stream}), counted in the batch of which this one is a
 * part.
 */
public record DropoutForward(
    String layer, float probability, int stream, TensorSpec input, TensorSpec output)
    implements ForwardStep {
  public DropoutForward {
    TensorRules.of(layer, DropoutForward.class).dropped(probability, input, output);
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
  public Optional<InPlace> inPlace() {
    return Optional.of(new InPlace(input, output));
  }

  @Override
  public List<Step> backward(TensorSpec outputGradient, Gradients gradients) {
    return gradients.by(
        input, dx -> new DropoutBackward(layer, probability, stream, outputGradient, dx));
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
