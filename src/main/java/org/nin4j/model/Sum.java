package org.nin4j.model;

import java.util.List;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * The sum, element by element, of what branches make of the same input; with an {@link Identity}
 * among them, a residual connection.
 *
 * @param branches at least one
 */
public record Sum(List<Part> branches) implements Branches {
  public Sum {
    branches = Part.checked("a sum", branches);
  }

  /** Branches called by their numbers, from 0. */
  public static Sum of(Layer... branches) {
    return new Sum(Part.numbered(branches));
  }

  /** Branches with names. */
  public static Sum of(Part... branches) {
    return new Sum(List.of(branches));
  }

  @Override
  public Shape outputShape(List<Shape> shapes) {
    Shape first = shapes.get(0);
    for (int i = 1; i < shapes.size(); i++) {
      if (!shapes.get(i).equals(first)) {
        throw new ShapeException(
            Text.of(
                "a sum adds equal shapes, but branch %s gives %s and branch %s gives %s; a 1×1 convolution in one of them can change channels and, by its stride, pixels",
                branches.get(0).name(), first, branches.get(i).name(), shapes.get(i)));
      }
    }
    return first;
  }

  @Override
  public <R> R accept(OperationVisitor<R> visitor) {
    return visitor.visit(this);
  }

  @Override
  public String kind() {
    return "sum";
  }
}
