package org.nin4j.plan.step;

import java.util.List;

/** dw = Σ over samples of dy · xᵀ, db = Σ over samples of dy. */
public record LinearBackwardFilter(
    String layer,
    TensorSpec input,
    TensorSpec outputGradient,
    TensorSpec weightGradient,
    TensorSpec biasGradient)
    implements Step {
  public LinearBackwardFilter {
    TensorRules.of(layer, LinearBackwardFilter.class)
        .multiplied(input, weightGradient, outputGradient)
        .channels(biasGradient, weightGradient.shape().dim(0));
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(input, outputGradient);
  }

  @Override
  public List<TensorSpec> writes() {
    return List.of(weightGradient, biasGradient);
  }

  @Override
  public long multiplyAdds() {
    return outputGradient.shape().dim(0) * weightGradient.shape().elements();
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
