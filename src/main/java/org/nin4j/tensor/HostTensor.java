package org.nin4j.tensor;

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

  /** Short, since the values may be millions. */
  @Override
  public String toString() {
    return "HostTensor[" + shape + "]";
  }
}
