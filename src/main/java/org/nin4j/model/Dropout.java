package org.nin4j.model;

import org.nin4j.tensor.Shape;

/**
 * In training, each element is zeroed with the given probability and scaled by 1 / (1 −
 * probability) otherwise; in inference nothing happens.
 *
 * @param probability of an element being dropped, in [0, 1)
 */
public record Dropout(float probability) implements Leaf {
  public Dropout {
    if (!(probability >= 0 && probability < 1)) {
      throw new IllegalArgumentException(
          "dropout takes a probability in [0, 1), not " + probability);
    }
  }

  @Override
  public Shape outputShape(Shape input) {
    return input;
  }

  @Override
  public <R> R accept(OperationVisitor<R> visitor) {
    return visitor.visit(this);
  }

  @Override
  public String kind() {
    return "dropout";
  }
}
