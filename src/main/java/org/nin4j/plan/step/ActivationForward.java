package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;
import org.nin4j.model.Activation;

/** y = f(x), element by element. */
public record ActivationForward(
    String layer, Activation function, TensorSpec input, TensorSpec output) implements ForwardStep {
  public ActivationForward {
    TensorRules.of(layer, ActivationForward.class).alike(input, output);
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
  public String kind() {
    return ActivationBackward.name(function) + "Forward";
  }

  @Override
  public List<Step> backward(TensorSpec outputGradient, Gradients gradients) {
    return gradients.by(
        input, dx -> new ActivationBackward(layer, function, output, outputGradient, dx));
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
