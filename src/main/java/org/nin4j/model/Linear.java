package org.nin4j.model;

import java.util.List;
import org.nin4j.tensor.Shape;

/**
 * A fully connected layer with bias: y[o] = b[o] + Σ over i of w[o,i] · x[i].
 *
 * @param outFeatures how many outputs
 */
public record Linear(int outFeatures) implements Leaf {
  public Linear {
    if (outFeatures < 1) {
      throw new IllegalArgumentException("a linear layer needs at least 1 output feature");
    }
  }

  @Override
  public Shape outputShape(Shape input) {
    if (input.rank() != 1) {
      throw new ShapeException(
          "a linear layer takes (features), but " + input + " reaches it; place flatten before it");
    }
    return Shape.of(outFeatures);
  }

  @Override
  public List<Parameter> parameters(Shape input) {
    int inFeatures = input.dim(0);
    return List.of(
        new Parameter(
            "weight",
            Shape.of(outFeatures, inFeatures),
            Parameter.Role.WEIGHT,
            inFeatures,
            outFeatures),
        new Parameter("bias", Shape.of(outFeatures), Parameter.Role.BIAS, inFeatures, outFeatures));
  }

  @Override
  public <R> R accept(OperationVisitor<R> visitor) {
    return visitor.visit(this);
  }

  @Override
  public String kind() {
    return "linear";
  }
}
