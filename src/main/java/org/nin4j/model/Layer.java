package org.nin4j.model;

import java.util.List;
import org.nin4j.tensor.Shape;

/**
 * One part of a network, as a value. Shapes here are those of one sample: (channels, height,
 * width), or (features) once flattened.
 */
public sealed interface Layer {

  /** A layer made of others; only {@link Leaf leaves} compute. */
  sealed interface Composite extends Layer permits Sequential, NinBlock {
    List<Layer> layers();
  }

  /** A layer that computes. */
  sealed interface Leaf extends Layer
      permits Conv2d, Linear, Relu, MaxPool2d, GlobalAvgPool2d, Dropout, Flatten {

    /**
     * The shape that comes out when {@code input} goes in.
     *
     * @throws ShapeException if this layer cannot take such an input; the message says what would
     *     fit
     */
    Shape outputShape(Shape input);

    /** The parameters for such an input, weights before biases; none for most kinds. */
    default List<Parameter> parameters(Shape input) {
      return List.of();
    }

    /** The stem of the layer's name in tables and errors, such as {@code conv}. */
    String kind();
  }

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
