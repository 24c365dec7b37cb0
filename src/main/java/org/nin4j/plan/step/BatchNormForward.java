package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.ShapeException;
import org.nin4j.text.Text;

/**
 * Batch normalisation in training. For each channel c, over its M elements in all samples: mean = Σ
 * x / M, variance = Σ (x − mean)² / M, inverse = 1 / √(variance + eps), y = weight · (x − mean) ·
 * inverse + bias. Mean and inverse are stored for the gradient; running mean ← (1 − momentum) ·
 * running mean + momentum · mean, and the running variance likewise toward Σ (x − mean)² / (M − 1).
 * What {@link AfterNorm} says is done to y before it is stored.
 *
 * @param norm eps and momentum
 * @param weight by channel
 * @param bias by channel
 * @param mean of the batch, by channel, fp32
 * @param inverse of the batch's deviation, by channel, fp32
 * @param after what becomes of y
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
    TensorSpec inverse,
    AfterNorm after)
    implements ForwardStep {
  public BatchNormForward {
    TensorRules rules = TensorRules.of(layer, BatchNormForward.class).alike(input, output);
    for (TensorSpec t : List.of(weight, bias, runningMean, runningVariance, mean, inverse)) {
      rules.channels(t, input.shape().dim(1));
    }
    after.check(rules, output);
    if (input.shape().elements() == input.shape().dim(1)) {
      throw new ShapeException(
          Text.of(
              "layer %s (batchnorm) gets one value for each channel in training, %s, which has no variance; use a larger batch or normalise before the pixels are pooled",
              layer, input.shape()));
    }
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
    return Stream.concat(
            Stream.of(output, mean, inverse, runningMean, runningVariance), after.mask().stream())
        .toList();
  }

  @Override
  public String kind() {
    return after.kind("BatchNorm", "Forward");
  }

  /** Over what is added: the input is needed for the gradient. */
  @Override
  public Optional<InPlace> inPlace() {
    return after.added().filter(a -> !a.equals(input)).map(a -> new InPlace(a, output));
  }

  /** The same norm with another output. */
  public BatchNormForward then(AfterNorm next, TensorSpec stored) {
    return new BatchNormForward(
        layer,
        norm,
        input,
        weight,
        bias,
        runningMean,
        runningVariance,
        stored,
        mean,
        inverse,
        next);
  }

  @Override
  public List<Step> backward(TensorSpec outputGradient, Gradients gradients) {
    if (after.relu()) {
      throw new IllegalStateException("gradients are stated before fusion");
    }
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
