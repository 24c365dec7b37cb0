package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The gradients of {@link BatchNormForward}, with x̂ = (x − mean) · inverse and sums over the M
 * elements of a channel: dbias = Σ dy, dweight = Σ dy · x̂, dx = weight · inverse · (dy − dbias / M
 * − x̂ · dweight / M).
 *
 * @param inputGradient empty where nobody needs it
 */
public record BatchNormBackward(
    String layer,
    TensorSpec input,
    TensorSpec weight,
    TensorSpec mean,
    TensorSpec inverse,
    TensorSpec outputGradient,
    Optional<TensorSpec> inputGradient,
    TensorSpec weightGradient,
    TensorSpec biasGradient)
    implements Step {
  public BatchNormBackward {
    TensorRules rules = TensorRules.of(layer, BatchNormBackward.class).alike(input, outputGradient);
    inputGradient.ifPresent(dx -> rules.alike(input, dx));
    for (TensorSpec t : List.of(weight, mean, inverse, weightGradient, biasGradient)) {
      rules.channels(t, input.shape().dim(1));
    }
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(input, weight, mean, inverse, outputGradient);
  }

  @Override
  public List<TensorSpec> writes() {
    return Stream.concat(inputGradient.stream(), Stream.of(weightGradient, biasGradient)).toList();
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
