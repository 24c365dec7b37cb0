package org.nin4j.model;

import java.util.List;

/**
 * Layers one after the other.
 *
 * @param layers from input to output, at least one
 */
public record Sequential(List<Layer> layers) implements Layer.Composite {
  public Sequential {
    layers = List.copyOf(layers);
    if (layers.isEmpty()) {
      throw new IllegalArgumentException("a sequence needs at least one layer");
    }
  }

  public static Sequential of(Layer... layers) {
    return new Sequential(List.of(layers));
  }
}
