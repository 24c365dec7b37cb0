package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;
import org.nin4j.model.Activation;

/** dx = dy · f′, where f′ follows from y: see {@link Activation}. */
public record ActivationBackward(
    String layer,
    Activation function,
    TensorSpec output,
    TensorSpec outputGradient,
    TensorSpec inputGradient)
    implements Step {
  public ActivationBackward {
    TensorRules.of(layer, ActivationBackward.class).alike(output, outputGradient, inputGradient);
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(output, outputGradient);
  }

  @Override
  public List<TensorSpec> writes() {
    return List.of(inputGradient);
  }

  @Override
  public Optional<InPlace> inPlace() {
    return Optional.of(new InPlace(outputGradient, inputGradient));
  }

  @Override
  public String kind() {
    return name(function) + "Backward";
  }

  /** For example {@code Relu}. */
  static String name(Activation function) {
    String kind = function.kind();
    return Character.toUpperCase(kind.charAt(0)) + kind.substring(1);
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
