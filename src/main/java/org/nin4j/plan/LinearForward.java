package org.nin4j.plan;

import java.util.List;

/** y = w · x + b for each sample. */
public record LinearForward(
    String layer, TensorSpec input, TensorSpec weight, TensorSpec bias, TensorSpec output)
    implements ForwardStep {
  public LinearForward {
    TensorRules.of(layer, LinearForward.class)
        .multiplied(input, weight, output)
        .channels(bias, weight.shape().dim(0));
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
    Step filter =
        new LinearBackwardFilter(
            layer, input, outputGradient, gradients.parameter(weight), gradients.parameter(bias));
    return gradients
        .input()
        .<List<Step>>map(
            dx -> List.of(filter, new LinearBackwardData(layer, outputGradient, weight, dx)))
        .orElse(List.of(filter));
  }
}
