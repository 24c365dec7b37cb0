package org.nin4j.plan.step;

import java.util.List;

/** dx = wᵀ · dy for each sample. */
public record LinearBackwardData(
    String layer, TensorSpec outputGradient, TensorSpec weight, TensorSpec inputGradient)
    implements Step {
  public LinearBackwardData {
    TensorRules.of(layer, LinearBackwardData.class)
        .multiplied(inputGradient, weight, outputGradient);
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(outputGradient, weight);
  }

  @Override
  public List<TensorSpec> writes() {
    return List.of(inputGradient);
  }

  @Override
  public long multiplyAdds() {
    return outputGradient.shape().dim(0) * weight.shape().elements();
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
