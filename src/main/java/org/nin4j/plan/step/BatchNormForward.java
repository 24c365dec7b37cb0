package org.nin4j.plan.step;

import java.util.List;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.ShapeException;

/**
 * Batch normalisation in training. For each channel c, over its M elements in all samples: mean = Σ
 * x / M, variance = Σ (x − mean)² / M, inverse = 1 / √(variance + eps), y = weight · (x − mean) ·
 * inverse + bias. Mean and inverse are stored for the gradient; running mean ← (1 − momentum) ·
 * running mean + momentum · mean, and the running variance likewise toward Σ (x − mean)² / (M − 1).
 *
 * @param norm eps and momentum
 * @param weight by channel
 * @param bias by channel
 * @param mean of the batch, by channel, fp32
 * @param inverse of the batch's deviation, by channel, fp32
 */
public record BatchNormForward(
    String layer,
    BatchNorm norm,
    TensorSpec input,
    TensorSpec weight,
    TensorSpec bias,
    TensorSpec runningMean,
    TensorSpec runningVariance,
    TensorSpec output,
    TensorSpec mean,
    TensorSpec inverse)
    implements ForwardStep {
  public BatchNormForward {
    TensorRules rules = TensorRules.of(layer, BatchNormForward.class).alike(input, output);
    for (TensorSpec t : List.of(weight, bias, runningMean, runningVariance, mean, inverse)) {
      rules.channels(t, input.shape().dim(1));
    }
    if (input.shape().elements() == input.shape().dim(1)) {
      throw new ShapeException(
          "layer %s (batchnorm) gets one value for each channel in training, %s, which has no variance; use a larger batch or normalise before the pixels are pooled"
              .formatted(layer, input.shape()));
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
    return List.of(output, mean, inverse, runningMean, runningVariance);
  }

  @Override
  public List<Step> backward(TensorSpec outputGradient, Gradients gradients) {
    return List.of(
        new BatchNormBackward(
            layer,
            input,
            weight,
            mean,
            inverse,
            outputGradient,
            gradients.of(input),
            gradients.parameter(weight),
            gradients.parameter(bias)));
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
