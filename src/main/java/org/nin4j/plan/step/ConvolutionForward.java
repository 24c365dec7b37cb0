package org.nin4j.plan.step;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.nin4j.model.Conv2d;

/** y = convolution of x with w, plus b if there is one, and max(·, 0) of that if {@code relu}. */
public record ConvolutionForward(
    String layer,
    Conv2d convolution,
    TensorSpec input,
    TensorSpec weight,
    Optional<TensorSpec> bias,
    TensorSpec output,
    boolean relu)
    implements ForwardStep, ConvolutionStep {
  public ConvolutionForward {
    TensorRules rules = TensorRules.of(layer, ConvolutionForward.class);
    rules.convolved(convolution, input, weight, output);
    bias.ifPresent(b -> rules.channels(b, weight.shape().dim(0)));
  }

  @Override
  public List<TensorSpec> inputs() {
    return List.of(input);
  }

  @Override
  public TensorSpec images() {
    return input;
  }

  @Override
  public TensorSpec results() {
    return output;
  }

  @Override
  public ConvolutionStep withSamples(int samples) {
    return new ConvolutionForward(
        layer,
        convolution,
        input.withSamples(samples),
        weight,
        bias,
        output.withSamples(samples),
        relu);
  }

  @Override
  public List<TensorSpec> reads() {
    return Stream.concat(Stream.of(input, weight), bias.stream()).toList();
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
    List<Step> steps = new ArrayList<>();
    steps.add(
        new ConvolutionBackwardFilter(
            layer,
            convolution,
            input,
            outputGradient,
            gradients.parameter(weight),
            bias.map(gradients::parameter)));
    steps.addAll(
        gradients.by(
            input,
            dx -> new ConvolutionBackwardData(layer, convolution, outputGradient, weight, dx)));
    return steps;
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
