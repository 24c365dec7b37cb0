package org.nin4j.model;

import org.nin4j.tensor.Shape;

/**
 * One part of a network, as a value. Shapes here are those of one sample: (channels, height,
 * width), or (features) once flattened.
 *
 * <p>A description is a tree: a {@link Sequential} puts layers one after the other, a {@link Sum}
 * and a {@link Concat} send the same input through several branches and join what comes out; every
 * other layer computes.
 */
public sealed interface Layer permits Sequential, Operation {

  /** Checks that {@code input} is an image and returns it, or says what would make it one. */
  static Shape requireImage(String kind, Shape input) {
    if (input.rank() != 3) {
      throw new ShapeException(
          kind
              + " takes (channels × height × width), but "
              + input
              + " reaches it; place it before flatten");
    }
    return input;
  }
}
