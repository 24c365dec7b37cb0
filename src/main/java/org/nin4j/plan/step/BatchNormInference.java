package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.nin4j.model.BatchNorm;

/**
 * y = weight · (x − running mean) / √(running variance + eps) + bias, by channel.
 *
 * @param after what becomes of y; no mask, since there is no gradient
 */
public record BatchNormInference(
    String layer,
    BatchNorm norm,
    TensorSpec input,
    TensorSpec weight,
    TensorSpec bias,
    TensorSpec runningMean,
    TensorSpec runningVariance,
    TensorSpec output,
    AfterNorm after)
    implements ForwardStep {
  public BatchNormInference {
    TensorRules rules = TensorRules.of(layer, BatchNormInference.class).alike(input, output);
    for (TensorSpec t : List.of(weight, bias, runningMean, runningVariance)) {
      rules.channels(t, input.shape().dim(1));
    }
    after.check(rules, output);
    rules.require(after.mask().isEmpty(), "inference has no gradient to keep a mask for");
  }

  @Override
  public List<TensorSpec> inputs() {
    return Stream.concat(Stream.of(input), after.added().stream()).toList();
  }

  @Override
  public List<TensorSpec> reads() {
    return Stream.concat(
            Stream.of(input, weight, bias, runningMean, runningVariance), after.added().stream())
        .toList();
  }

  @Override
  public List<TensorSpec> writes() {
    return List.of(output);
  }

  @Override
  public String kind() {
    return after.kind("BatchNorm", "Inference");
  }

  /** The same norm with another output. */
  public BatchNormInference then(AfterNorm next, TensorSpec stored) {
    return new BatchNormInference(
        layer, norm, input, weight, bias, runningMean, runningVariance, stored, next);
  }

  @Override
  public Optional<InPlace> inPlace() {
    return after.added().equals(Optional.of(input))
        ? Optional.empty()
        : Optional.of(new InPlace(input, output));
  }

  @Override
  public List<Step> backward(TensorSpec outputGradient, Gradients gradients) {
    throw new IllegalStateException("inference has no gradients");
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
