package org.nin4j.tensor;

import java.util.OptionalDouble;

/**
 * Values in Java's memory, in the logical order of their shape: the last axis changes fastest.
 *
 * @param shape the extents
 * @param values one float for each element; not copied
 */
public record HostTensor(Shape shape, float[] values) {
  public HostTensor {
    if (values.length != shape.elements()) {
      throw new IllegalArgumentException(
          "a tensor of shape "
              + shape
              + " has "
              + shape.elements()
              + " values, not "
              + values.length);
    }
  }

  public static HostTensor zeros(Shape shape) {
    return new HostTensor(shape, new float[Math.toIntExact(shape.elements())]);
  }

  /** The first value that is NaN or infinite; empty where all are finite. */
  public OptionalDouble firstNotFinite() {
    for (float value : values) {
      if (!Float.isFinite(value)) {
        return OptionalDouble.of(value);
      }
    }
    return OptionalDouble.empty();
  }

  /** Short, since the values may be millions. */
  @Override
  public String toString() {
    return "HostTensor[" + shape + "]";
  }
}
