package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The gradients of a {@link BatchNormForward} with a sum and a ReLU after it: first that by the
 * sum, masked = dy where y &gt; 0, else 0, which is the other term's gradient too; then those of
 * {@link BatchNormBackward} by it.
 *
 * @param output y, of the ReLU
 * @param sumGradient the masked one
 * @param inputGradient empty where nobody needs it
 */
public record BatchNormSumReluBackward(
    String layer,
    TensorSpec input,
    TensorSpec weight,
    TensorSpec mean,
    TensorSpec inverse,
    TensorSpec output,
    TensorSpec outputGradient,
    TensorSpec sumGradient,
    Optional<TensorSpec> inputGradient,
    TensorSpec weightGradient,
    TensorSpec biasGradient)
    implements Step {
  public BatchNormSumReluBackward {
    TensorRules rules =
        TensorRules.of(layer, BatchNormSumReluBackward.class)
            .alike(input, output, outputGradient, sumGradient);
    inputGradient.ifPresent(dx -> rules.alike(input, dx));
    for (TensorSpec t : List.of(weight, mean, inverse, weightGradient, biasGradient)) {
      rules.channels(t, input.shape().dim(1));
    }
  }

  /** The second half of it, which takes the masked gradient. */
  public BatchNormBackward norm() {
    return new BatchNormBackward(
        layer,
        input,
        weight,
        mean,
        inverse,
        sumGradient,
        inputGradient,
        weightGradient,
        biasGradient);
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(input, weight, mean, inverse, output, outputGradient);
  }

  @Override
  public List<TensorSpec> writes() {
    return Stream.of(
            Stream.of(sumGradient), inputGradient.stream(), Stream.of(weightGradient, biasGradient))
        .flatMap(s -> s)
        .toList();
  }

  @Override
  public Optional<InPlace> inPlace() {
    return Optional.of(new InPlace(outputGradient, sumGradient));
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
