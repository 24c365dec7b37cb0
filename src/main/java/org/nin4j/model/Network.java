package org.nin4j.model;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * A named network, not yet tied to an input size.
 *
 * @param name for tables, folders and checkpoints
 * @param layers what it is made of
 */
public record Network(String name, Layer layers) {
  /** As an input of a {@link Node}: the images themselves. */
  public static final int IMAGES = -1;

  /** Values of one sample between two layers, at most: what an index in Java can count. */
  private static final long LARGEST = Integer.MAX_VALUE;

  /**
   * One operation where it stands in a network.
   *
   * @param name its path, see {@link Part}; unique in the network
   * @param layer what it computes
   * @param inputs which nodes' outputs it takes, by their places in {@link #nodes}, or {@link
   *     #IMAGES}
   * @param inputShapes of these, for one sample
   * @param output what leaves it, for one sample
   * @param parameters with their full names, such as {@code 2.0.weight}
   * @param state with full names too, such as {@code 2.1.running_mean}
   */
  public record Node(
      String name,
      Operation layer,
      List<Integer> inputs,
      List<Shape> inputShapes,
      Shape output,
      List<Parameter> parameters,
      List<Parameter> state) {
    public Node {
      inputs = List.copyOf(inputs);
      inputShapes = List.copyOf(inputShapes);
      parameters = List.copyOf(parameters);
      state = List.copyOf(state);
    }

    /** What reaches it, or its first branch's output. */
    public Shape input() {
      return inputShapes.get(0);
    }
  }

  public Network {
    if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")) {
      throw new IllegalArgumentException(
          Text.of(
              "a network's name, which folders get, has 1 to 64 letters, digits and . _ -, not \"%s\"",
              name));
    }
  }

  /**
   * The computing layers with their shapes, when images of {@code input} go in; each after those
   * whose outputs it takes. The last one's output is the network's. An {@link Identity} is no node:
   * whoever takes its output takes its input.
   *
   * @param input (channels, height, width)
   * @throws ShapeException if some layer cannot take what reaches it; the message names it
   */
  public List<Node> nodes(Shape input) {
    Inference inference = new Inference(input);
    inference.follow("", layers, new Value(IMAGES, input), "0");
    return List.copyOf(inference.nodes);
  }

  /** All parameters in order, for images of the given shape. */
  public List<Parameter> parameters(Shape input) {
    return nodes(input).stream().flatMap(n -> n.parameters().stream()).toList();
  }

  /** All state in order, for images of the given shape. */
  public List<Parameter> state(Shape input) {
    return nodes(input).stream().flatMap(n -> n.state().stream()).toList();
  }

  /** What flows between layers: whose output, and its shape. */
  private record Value(int node, Shape shape) {}

  /** Goes through the description, from input to output. */
  private final class Inference {
    final List<Node> nodes = new ArrayList<>();
    final Map<String, Operation> named = new HashMap<>();

    Inference(Shape images) {
      check("images", images);
    }

    /**
     * Adds the nodes of a layer.
     *
     * @param prefix what the paths of the layer's own parts begin with, up to the last dot
     * @param path the layer's own
     */
    Value follow(String prefix, Layer layer, Value input, String path) {
      if (layer instanceof Sequential sequential) {
        Value value = input;
        for (Part part : sequential.parts()) {
          value = follow(prefix, part, value);
        }
        return value;
      }
      if (layer instanceof Identity) {
        return input;
      }
      return layer instanceof Leaf leaf
          ? leaf(path, leaf, input)
          : branches(prefix, path, (Branches) layer, input);
    }

    private Value follow(String prefix, Part part, Value input) {
      String path = prefix + part.name();
      return follow(part.inline() ? prefix : path + ".", part.layer(), input, path);
    }

    private Value leaf(String path, Leaf leaf, Value input) {
      Shape output = fitting(path, leaf, () -> leaf.outputShape(input.shape()));
      return add(
          path,
          leaf,
          List.of(input),
          output,
          leaf.parameters(input.shape()),
          leaf.state(input.shape()));
    }

    private Value branches(String prefix, String path, Branches branches, Value input) {
      List<Value> values = new ArrayList<>();
      for (Part part : branches.branches()) {
        values.add(follow(prefix, part, input));
      }
      List<Shape> shapes = values.stream().map(Value::shape).toList();
      Shape output = fitting(path, branches, () -> branches.outputShape(shapes));
      return add(path, branches, values, output, List.of(), List.of());
    }

    private Shape fitting(String path, Operation layer, Supplier<Shape> shape) {
      try {
        return shape.get();
      } catch (ShapeException e) {
        throw new ShapeException(
            Text.of("layer %s (%s) of %s: %s", path, layer.kind(), name, e.getMessage()));
      }
    }

    private Value add(
        String path,
        Operation layer,
        List<Value> inputs,
        Shape output,
        List<Parameter> parameters,
        List<Parameter> state) {
      check("layer " + path + " (" + layer.kind() + ")", output);
      parameters.forEach(
          p -> check("layer " + path + " (" + layer.kind() + "): its " + p.name(), p.shape()));
      Operation other = named.putIfAbsent(path, layer);
      if (other != null) {
        throw new ShapeException(
            Text.of(
                "two layers of %s are called %s (%s and %s); give the parts of sums and concatenations other names",
                name, path, other.kind(), layer.kind()));
      }
      nodes.add(
          new Node(
              path,
              layer,
              inputs.stream().map(Value::node).toList(),
              inputs.stream().map(Value::shape).toList(),
              output,
              parameters.stream().map(p -> p.in(path)).toList(),
              state.stream().map(p -> p.in(path)).toList()));
      return new Value(nodes.size() - 1, output);
    }

    private void check(String what, Shape shape) {
      double elements = shape.dims().stream().mapToDouble(d -> d).reduce(1, (a, b) -> a * b);
      if (elements > LARGEST) {
        throw new ShapeException(
            Text.of(
                "%s of %s would have %s, %.1e values, where at most %d are possible; use fewer channels or a smaller image",
                what, name, shape, elements, LARGEST));
      }
    }
  }
}
