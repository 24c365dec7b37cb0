package org.nin4j.plan;

import java.util.List;
import java.util.Optional;

/** y = max(x, 0). */
public record ReluForward(String layer, TensorSpec input, TensorSpec output)
    implements ForwardStep {
  public ReluForward {
    TensorRules.of(layer, ReluForward.class).alike(input, output);
  }

  @Override
  public List<TensorSpec> reads() {
    return List.of(input);
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
    return gradients
        .input()
        .<List<Step>>map(dx -> List.of(new ReluBackward(layer, output, outputGradient, dx)))
        .orElse(List.of());
  }
}
