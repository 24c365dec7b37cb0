package org.nin4j.model;

import java.util.List;

/**
 * Layers one after the other.
 *
 * @param parts from input to output, at least one
 */
public record Sequential(List<Part> parts) implements Layer {
  public Sequential {
    parts = Part.checked("a sequence", parts);
  }

  /** Layers called by their numbers, from 0. */
  public static Sequential of(Layer... layers) {
    return new Sequential(Part.numbered(layers));
  }

  /** Layers with names. */
  public static Sequential of(Part... parts) {
    return new Sequential(List.of(parts));
  }
}
