package org.nin4j.model;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.nin4j.tensor.Shape;

/**
 * A named network, not yet tied to an input size.
 *
 * @param name for tables, folders and checkpoints
 * @param layers what it is made of
 */
public record Network(String name, Layer layers) {

  /**
   * One computing layer where it stands in a network.
   *
   * @param name unique in the network: the layer's kind and its number, such as {@code conv4}
   * @param layer what it computes
   * @param input what reaches it, for one sample
   * @param output what leaves it, for one sample
   * @param parameters with their full names, such as {@code conv4.weight}
   */
  public record Placed(
      String name, Layer.Leaf layer, Shape input, Shape output, List<Parameter> parameters) {}

  /**
   * The computing layers in order, each with its shapes, when images of {@code input} go in.
   *
   * @param input (channels, height, width)
   * @throws ShapeException if some layer cannot take what reaches it; the message names it
   */
  public List<Placed> place(Shape input) {
    List<Placed> placed = new ArrayList<>();
    place(layers, input, placed, new HashMap<>());
    return List.copyOf(placed);
  }

  private Shape place(Layer layer, Shape input, List<Placed> placed, Map<String, Integer> numbers) {
    if (layer instanceof Layer.Composite composite) {
      Shape shape = input;
      for (Layer part : composite.layers()) {
        shape = place(part, shape, placed, numbers);
      }
      return shape;
    }
    Layer.Leaf leaf = (Layer.Leaf) layer;
    String layerName = leaf.kind() + numbers.merge(leaf.kind(), 1, Integer::sum);
    Shape output;
    try {
      output = leaf.outputShape(input);
    } catch (ShapeException e) {
      throw new ShapeException(layerName + " of " + name + " cannot be placed: " + e.getMessage());
    }
    List<Parameter> parameters =
        leaf.parameters(input).stream()
            .map(
                p ->
                    new Parameter(
                        layerName + "." + p.name(), p.shape(), p.role(), p.fanIn(), p.fanOut()))
            .toList();
    placed.add(new Placed(layerName, leaf, input, output, parameters));
    return output;
  }

  /** All parameters in order, for images of the given shape. */
  public List<Parameter> parameters(Shape input) {
    return place(input).stream().flatMap(p -> p.parameters().stream()).toList();
  }
}
