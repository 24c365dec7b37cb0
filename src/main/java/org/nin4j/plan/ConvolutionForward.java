package org.nin4j.plan;

import java.util.List;
import java.util.Optional;
import org.nin4j.model.Conv2d;

/** y = convolution of x with w, plus b, and max(·, 0) of that if {@code relu}. */
public record ConvolutionForward(
    String layer,
    Conv2d convolution,
    TensorSpec input,
    TensorSpec weight,
    TensorSpec bias,
    TensorSpec output,
    boolean relu)
    implements ForwardStep {
  public ConvolutionForward {
    TensorRules.of(layer, ConvolutionForward.class)
        .convolved(convolution.window(), input, weight, output)
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
    return output.shape().elements() * weight.shape().elements() / weight.shape().dim(0);
  }

  @Override
  public String kind() {
    return relu ? "ConvolutionReluForward" : "ConvolutionForward";
  }

  @Override
  public List<Step> backward(TensorSpec outputGradient, Gradients gradients) {
    if (relu) {
      throw new IllegalStateException("gradients are stated before fusion");
    }
    Step filter =
        new ConvolutionBackwardFilter(
            layer,
            convolution,
            input,
            outputGradient,
            gradients.parameter(weight),
            Optional.of(gradients.parameter(bias)));
    return gradients
        .input()
        .<List<Step>>map(
            dx ->
                List.of(
                    filter,
                    new ConvolutionBackwardData(layer, convolution, outputGradient, weight, dx)))
        .orElse(List.of(filter));
  }
}
