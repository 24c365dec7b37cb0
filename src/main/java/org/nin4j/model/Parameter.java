package org.nin4j.model;

import org.nin4j.tensor.Shape;

/**
 * A tensor that training changes, by the loss's gradient or, where its role says so, otherwise.
 *
 * @param name such as {@code weight} or {@code bias}, unique within the layer; in a network, behind
 *     the layer's path
 * @param shape (out, in, height, width) for convolution weights, (out, in) for linear ones, (out)
 *     for biases
 * @param role what it does, which decides how it starts
 * @param fanIn how many inputs feed one output
 * @param fanOut how many outputs one input feeds
 */
public record Parameter(String name, Shape shape, Role role, long fanIn, long fanOut) {
  /** What a parameter does. */
  public enum Role {
    /** Factors of a sum of products. */
    WEIGHT,
    /** Added to such a sum. */
    BIAS,
    /** The factor of a normalised value; starts at 1. */
    SCALE,
    /** Added to a scaled, normalised value; starts at 0. */
    SHIFT,
    /** State of a batch norm, not trained; starts at 0. */
    RUNNING_MEAN,
    /** State of a batch norm, not trained; starts at 1. */
    RUNNING_VARIANCE
  }

  /** The same parameter under a longer name. */
  Parameter in(String layer) {
    return new Parameter(layer + "." + name, shape, role, fanIn, fanOut);
  }
}
