package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;
import org.nin4j.model.BatchNorm;

/** y = weight · (x − running mean) / √(running variance + eps) + bias, by channel. */
public record BatchNormInference(
    String layer,
    BatchNorm norm,
    TensorSpec input,
    TensorSpec weight,
    TensorSpec bias,
    TensorSpec runningMean,
    TensorSpec runningVariance,
    TensorSpec output)
    implements ForwardStep {
  public BatchNormInference {
    TensorRules rules = TensorRules.of(layer, BatchNormInference.class).alike(input, output);
    for (TensorSpec t : List.of(weight, bias, runningMean, runningVariance)) {
      rules.channels(t, input.shape().dim(1));
    }
  }

  @Override
  public List<TensorSpec> inputs() {
    return List.of(input);
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(input, weight, bias, runningMean, runningVariance);
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
    throw new IllegalStateException("inference has no gradients");
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
