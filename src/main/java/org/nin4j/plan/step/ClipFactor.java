package org.nin4j.plan.step;

import java.util.List;
import org.nin4j.tensor.DType;

/**
 * What all gradients are multiplied by, so that their common norm is at most a given one: min(1,
 * mostNorm / (‖g‖₂ + 10⁻⁶)), as PyTorch's {@code clip_grad_norm_} has it. The sum of squares is
 * taken in double precision; a norm that is not finite makes the factor not finite either.
 *
 * <p>Source: Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks",
 * 2013.
 *
 * @param mostNorm above 0 and finite
 * @param gradients of all parameters
 * @param factor (1), fp32
 */
public record ClipFactor(float mostNorm, List<TensorSpec> gradients, TensorSpec factor)
    implements Step {
  /** Keeps the quotient finite where all gradients are 0. */
  public static final double EPSILON = 1e-6;

  public ClipFactor {
    gradients = List.copyOf(gradients);
    requireNorm(mostNorm);
    TensorRules rules = TensorRules.of("update", ClipFactor.class);
    rules.require(!gradients.isEmpty(), "there is no gradient");
    gradients.forEach(g -> rules.type(DType.F32, g));
    rules.type(DType.F32, factor).shape(factor, 1);
  }

  static void requireNorm(float mostNorm) {
    if (!(mostNorm > 0 && mostNorm < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "gradients are clipped to a norm above 0 and finite, not " + mostNorm);
    }
  }

  /** The factor for a sum of squares. */
  public float factor(double squares) {
    return (float) Math.min(1, mostNorm / (Math.sqrt(squares) + EPSILON));
  }

  @Override
  public String layer() {
    return "update";
  }

  @Override
  public List<TensorSpec> reads() {
    return gradients;
  }

  @Override
  public List<TensorSpec> writes() {
    return List.of(factor);
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
