package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.nin4j.model.BatchNorm;
import org.nin4j.plan.step.TensorSpec.Role;

/**
 * A batch norm with fixed statistics, put into the weights of the convolution before it. With
 * scale[o] = norm weight[o] / √(running variance[o] + eps) for each filter o: folded weight[o, …] =
 * scale[o] · weight[o, …], folded bias[o] = norm bias[o] + scale[o] · (bias[o] − running mean[o]).
 *
 * @param weight (filters, channels / groups, k, k), fp32
 * @param bias of the convolution, if it has one, by filter
 * @param normWeight by filter, as everything of the norm
 */
public record FoldNorm(
    String layer,
    BatchNorm norm,
    TensorSpec weight,
    Optional<TensorSpec> bias,
    TensorSpec normWeight,
    TensorSpec normBias,
    TensorSpec runningMean,
    TensorSpec runningVariance,
    TensorSpec foldedWeight,
    TensorSpec foldedBias)
    implements Step {
  public FoldNorm {
    TensorRules rules = TensorRules.of(layer, FoldNorm.class).alike(weight, foldedWeight);
    int filters = weight.shape().dim(0);
    for (TensorSpec t :
        List.of(
            normWeight,
            normBias,
            runningMean,
            runningVariance,
            foldedBias,
            bias.orElse(normBias))) {
      rules.channels(t, filters);
    }
    for (TensorSpec t : List.of(foldedWeight, foldedBias)) {
      rules.require(t.role() == Role.DERIVED, t + " must be laid out as parameters are");
    }
  }

  @Override
  public List<TensorSpec> reads() {
    return Stream.concat(
            Stream.of(weight, normWeight, normBias, runningMean, runningVariance), bias.stream())
        .toList();
  }

  @Override
  public List<TensorSpec> writes() {
    return List.of(foldedWeight, foldedBias);
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
