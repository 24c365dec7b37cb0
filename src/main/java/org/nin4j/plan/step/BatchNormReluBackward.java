package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The gradients of a {@link BatchNormForward} with a ReLU after it: those of {@link
 * BatchNormBackward} where dy counts only for elements that the ReLU let through, weight · x̂ +
 * bias &gt; 0.
 *
 * @param bias of the norm, from which a backend may find out again what was let through
 * @param mask what the forward step kept of it: {@link AfterNorm#mask}
 * @param inputGradient empty where nobody needs it
 */
public record BatchNormReluBackward(
    String layer,
    TensorSpec input,
    TensorSpec weight,
    TensorSpec bias,
    TensorSpec mean,
    TensorSpec inverse,
    Optional<TensorSpec> mask,
    TensorSpec outputGradient,
    Optional<TensorSpec> inputGradient,
    TensorSpec weightGradient,
    TensorSpec biasGradient)
    implements Step {
  public BatchNormReluBackward {
    TensorRules rules =
        TensorRules.of(layer, BatchNormReluBackward.class).alike(input, outputGradient);
    inputGradient.ifPresent(dx -> rules.alike(input, dx));
    mask.ifPresent(m -> rules.bits(m, input));
    for (TensorSpec t : List.of(weight, bias, mean, inverse, weightGradient, biasGradient)) {
      rules.channels(t, input.shape().dim(1));
    }
  }

  @Override
  public List<TensorSpec> reads() {
    return Stream.concat(
            Stream.of(input, weight, bias, mean, inverse, outputGradient), mask.stream())
        .toList();
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
