package org.nin4j.model;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A layer with its name inside another. The names along the way from the whole network to a layer,
 * joined by dots, are the layer's path, and a parameter is called by its layer's path: as in
 * PyTorch, {@code 2.conv1.weight}.
 *
 * @param name unique among its siblings; letters, digits, {@code _} and {@code -}
 * @param layer what it is
 * @param inline whether the parts of {@code layer} are named as if they stood beside it, without
 *     this part's own name in their paths
 */
public record Part(String name, Layer layer, boolean inline) {
  public Part {
    if (!name.matches("[A-Za-z0-9_-]+")) {
      throw new IllegalArgumentException(
          "a part's name has letters, digits, _ and - only, not \"" + name + "\"");
    }
  }

  /** A part whose own parts' paths go through its name. */
  public static Part of(String name, Layer layer) {
    return new Part(name, layer, false);
  }

  /** A part whose own parts are named as if they stood beside it. */
  public static Part inline(String name, Layer layer) {
    return new Part(name, layer, true);
  }

  /** Layers called 0, 1, 2, … */
  static List<Part> numbered(Layer... layers) {
    List<Part> parts = new ArrayList<>();
    for (Layer layer : layers) {
      parts.add(of(Integer.toString(parts.size()), layer));
    }
    return parts;
  }

  /** A copy, once it is checked that there are some and that no two have the same name. */
  static List<Part> checked(String kind, List<Part> parts) {
    if (parts.isEmpty()) {
      throw new IllegalArgumentException(kind + " needs at least one layer");
    }
    Set<String> names = new HashSet<>();
    for (Part part : parts) {
      if (!names.add(part.name())) {
        throw new IllegalArgumentException(kind + " has two parts named " + part.name());
      }
    }
    return List.copyOf(parts);
  }
}
