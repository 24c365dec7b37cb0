package org.nin4j.model;

import java.util.List;
import org.nin4j.tensor.Shape;

/**
 * Batch normalisation of each channel of images, or of each feature: y = weight · (x − mean) /
 * √(variance + eps) + bias.
 *
 * <p>In training, mean and (biased) variance are those of the batch; the running mean and the
 * running (unbiased) variance move toward them: running ← (1 − momentum) · running + momentum · of
 * the batch. In inference the running ones are used. As in PyTorch. Source: Ioffe, Szegedy, "Batch
 * Normalization", 2015.
 *
 * @param eps above 0
 * @param momentum in (0, 1]
 */
public record BatchNorm(float eps, float momentum) implements Leaf {
  public BatchNorm {
    if (!(eps > 0 && eps < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("batch norm takes an eps above 0, not " + eps);
    }
    if (!(momentum > 0 && momentum <= 1)) {
      throw new IllegalArgumentException("batch norm takes a momentum in (0, 1], not " + momentum);
    }
  }

  /** With PyTorch's constants: eps 1e-5, momentum 0.1. */
  public BatchNorm() {
    this(1e-5f, 0.1f);
  }

  @Override
  public Shape outputShape(Shape input) {
    if (input.rank() != 3 && input.rank() != 1) {
      throw new ShapeException(
          "batch norm takes (channels × height × width) or (features), but "
              + input
              + " reaches it");
    }
    return input;
  }

  @Override
  public List<Parameter> parameters(Shape input) {
    return List.of(
        of("weight", input, Parameter.Role.SCALE), of("bias", input, Parameter.Role.SHIFT));
  }

  @Override
  public List<Parameter> state(Shape input) {
    return List.of(
        of("running_mean", input, Parameter.Role.RUNNING_MEAN),
        of("running_var", input, Parameter.Role.RUNNING_VARIANCE));
  }

  private static Parameter of(String name, Shape input, Parameter.Role role) {
    return new Parameter(name, Shape.of(input.dim(0)), role, 1, 1);
  }

  @Override
  public <R> R accept(OperationVisitor<R> visitor) {
    return visitor.visit(this);
  }

  @Override
  public String kind() {
    return "batchnorm";
  }
}
