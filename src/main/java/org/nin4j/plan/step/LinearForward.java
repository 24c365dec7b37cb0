package org.nin4j.plan.step;

import java.util.ArrayList;
import java.util.List;

/** y = w · x + b for each sample, and max(·, 0) of that if {@code relu}. */
public record LinearForward(
    String layer,
    TensorSpec input,
    TensorSpec weight,
    TensorSpec bias,
    TensorSpec output,
    boolean relu)
    implements ForwardStep {
  public LinearForward {
    TensorRules.of(layer, LinearForward.class)
        .multiplied(input, weight, output)
        .channels(bias, weight.shape().dim(0));
  }

  @Override
  public List<TensorSpec> inputs() {
    return List.of(input);
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(input, weight, bias);
  }

  @Override
  public List<TensorSpec> writes() {
    return List.of(output);
  }

  @Override
  public long multiplyAdds() {
    return input.shape().dim(0) * weight.shape().elements();
  }

  @Override
  public List<Step> backward(TensorSpec outputGradient, Gradients gradients) {
    if (relu) {
      throw new IllegalStateException("gradients are stated before fusion");
    }
    List<Step> steps = new ArrayList<>();
    steps.add(
        new LinearBackwardFilter(
            layer, input, outputGradient, gradients.parameter(weight), gradients.parameter(bias)));
    steps.addAll(
        gradients.by(input, dx -> new LinearBackwardData(layer, outputGradient, weight, dx)));
    return steps;
  }

  @Override
  public String kind() {
    return relu ? "LinearReluForward" : "LinearForward";
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
