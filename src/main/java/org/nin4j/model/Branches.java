package org.nin4j.model;

import java.util.List;
import org.nin4j.tensor.Shape;

/** An operation whose inputs are what comes out of its branches, all of which get the same. */
public sealed interface Branches extends Operation permits Sum, Concat {
  List<Part> branches();

  /**
   * The shape that comes out.
   *
   * @param branches what each branch gives, in order
   * @throws ShapeException if they do not go together; the message says what would
   */
  Shape outputShape(List<Shape> branches);
}
