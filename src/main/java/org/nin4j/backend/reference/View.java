package org.nin4j.backend.reference;

import org.nin4j.tensor.Shape;

/** A tensor, in logical order. */
record View(float[] arena, int offset, Shape shape) {
  /** In memory of its own. */
  static View of(Shape shape) {
    return new View(new float[Math.toIntExact(shape.elements())], 0, shape);
  }

  float get(int index) {
    return arena[offset + index];
  }

  void set(int index, double value) {
    arena[offset + index] = (float) value;
  }

  int size() {
    return (int) shape.elements();
  }

  int dim(int axis) {
    return shape.dim(axis);
  }

  /** Index of (sample, channel, row, column). */
  int at(int n, int c, int i, int j) {
    return ((n * dim(1) + c) * dim(2) + i) * dim(3) + j;
  }
}
