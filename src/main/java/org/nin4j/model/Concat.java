package org.nin4j.model;

import java.util.List;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * The channels (or features) of what branches make of the same input, one branch's after the
 * other's.
 *
 * @param branches at least one
 */
public record Concat(List<Part> branches) implements Branches {
  public Concat {
    branches = Part.checked("a concatenation", branches);
  }

  /** Branches called by their numbers, from 0. */
  public static Concat of(Layer... branches) {
    return new Concat(Part.numbered(branches));
  }

  /** Branches with names. */
  public static Concat of(Part... branches) {
    return new Concat(List.of(branches));
  }

  @Override
  public Shape outputShape(List<Shape> shapes) {
    Shape first = shapes.get(0);
    long channels = 0;
    for (int i = 0; i < shapes.size(); i++) {
      Shape shape = shapes.get(i);
      if (!shape.withDim(0, 1).equals(first.withDim(0, 1))) {
        throw new ShapeException(
            Text.of(
                "a concatenation joins channels of images of one size, but branch %s gives %s and branch %s gives %s; choose strides and paddings so that height and width agree",
                branches.get(0).name(), first, branches.get(i).name(), shape));
      }
      channels += shape.dim(0);
    }
    if (channels > Integer.MAX_VALUE) {
      throw new ShapeException("a concatenation of " + channels + " channels is too large");
    }
    return first.withDim(0, (int) channels);
  }

  @Override
  public <R> R accept(OperationVisitor<R> visitor) {
    return visitor.visit(this);
  }

  @Override
  public String kind() {
    return "concat";
  }
}
