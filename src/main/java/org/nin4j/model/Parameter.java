package org.nin4j.model;

import org.nin4j.tensor.Shape;

/**
 * A tensor that training changes.
 *
 * @param name {@code weight} or {@code bias}; unique within the layer
 * @param shape (out, in, height, width) for convolution weights, (out, in) for linear ones, (out)
 *     for biases
 * @param role what it does, which decides how it starts
 * @param fanIn how many inputs feed one output
 * @param fanOut how many outputs one input feeds
 */
public record Parameter(String name, Shape shape, Role role, long fanIn, long fanOut) {
  /** What a parameter does. */
  public enum Role {
    WEIGHT,
    BIAS
  }
}
