package org.nin4j.plan;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Layer;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Parameter;
import org.nin4j.model.Relu;
import org.nin4j.model.ShapeException;
import org.nin4j.plan.TensorSpec.Role;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.Shape;

/** Turns a network into the steps that train it or run it. */
public final class Planner {
  private final Network network;
  private final int batch;
  private final Precision precision;
  private final Purpose purpose;
  private final List<Step> steps = new ArrayList<>();
  private final Map<TensorSpec, TensorSpec> parameterGradients = new LinkedHashMap<>();

  private Planner(Network network, int batch, Precision precision, Purpose purpose) {
    this.network = network;
    this.batch = batch;
    this.precision = precision;
    this.purpose = purpose;
  }

  /**
   * Plans one run: make a batch, compute, count and, in training, learn.
   *
   * @param network what to compute; its output is the logits, one for each class
   * @param images how a batch is made
   * @param batch samples per run, at most
   * @param precision which tensors have fewer bits
   * @param purpose training or inference
   * @throws ShapeException if a layer cannot take what reaches it
   */
  public static Plan plan(
      Network network, BatchSpec images, int batch, Precision precision, Purpose purpose) {
    if (batch < 1) {
      throw new IllegalArgumentException("a batch holds at least 1 sample, not " + batch);
    }
    return new Planner(network, batch, precision, purpose).plan(images);
  }

  private Plan plan(BatchSpec images) {
    List<Network.Placed> layers = network.place(images.output());
    Shape classes = layers.get(layers.size() - 1).output();
    if (classes.rank() != 1) {
      throw new ShapeException(
          network.name()
              + " ends in "
              + classes
              + "; a classifier ends in (classes), so place flatten last");
    }
    DType stored = firstOfHead(layers) < 0 ? DType.F32 : precision.activations();
    TensorSpec input = activation("images", images.output(), stored);
    TensorSpec labels = new TensorSpec("labels", Shape.of(batch), DType.I32, Role.ACTIVATION);
    steps.add(new MakeBatch(images, input, labels));

    List<ForwardStep> forward = forward(layers, input);
    TensorSpec logits = forward.isEmpty() ? input : forward.get(forward.size() - 1).output();
    if (purpose instanceof Purpose.Training training) {
      TensorSpec gradient = gradient(logits);
      steps.add(
          new SoftmaxCrossEntropy(
              logits, labels, Optional.of(gradient), training.labelSmoothing()));
      backward(forward, gradient, input);
      training.optimizer().ifPresent(this::update);
    } else {
      steps.add(new SoftmaxCrossEntropy(logits, labels, Optional.empty(), 0));
    }
    Set<TensorSpec> kept = new HashSet<>(Set.of(logits, labels));
    return new Plan(network.name(), batch, precision, steps, kept);
  }

  private List<ForwardStep> forward(List<Network.Placed> layers, TensorSpec input) {
    List<ForwardStep> forward = new ArrayList<>();
    int firstOfHead = firstOfHead(layers);
    TensorSpec x = input;
    int dropouts = 0;
    for (int i = 0; i < layers.size(); i++) {
      Network.Placed placed = layers.get(i);
      boolean drops = placed.layer() instanceof Dropout;
      if (drops && purpose instanceof Purpose.Inference) {
        continue;
      }
      DType type = i >= firstOfHead ? DType.F32 : precision.activations();
      TensorSpec y = activation(placed.name(), placed.output(), type);
      int stream = Philox.Stream.DROPOUT + dropouts;
      dropouts += drops ? 1 : 0;
      forward.add(forwardStep(placed, x, y, stream));
      x = y;
    }
    steps.addAll(forward);
    return forward;
  }

  /**
   * The last layer that makes sums: from its output on, everything is fp32, since only such a layer
   * takes one type and gives another. Where there is none, the images are fp32 already.
   */
  private static int firstOfHead(List<Network.Placed> layers) {
    int head = layers.size() - 1;
    while (head >= 0 && !makesSums(layers.get(head).layer())) {
      head--;
    }
    return head;
  }

  private static boolean makesSums(Layer.Leaf layer) {
    return layer instanceof Conv2d || layer instanceof Linear || layer instanceof GlobalAvgPool2d;
  }

  private ForwardStep forwardStep(
      Network.Placed placed, TensorSpec x, TensorSpec y, int dropoutStream) {
    String name = placed.name();
    Layer.Leaf layer = placed.layer();
    if (layer instanceof Conv2d convolution) {
      List<TensorSpec> parameters = parameters(placed);
      return new ConvolutionForward(
          name, convolution, x, parameters.get(0), parameters.get(1), y, false);
    } else if (layer instanceof Linear) {
      List<TensorSpec> parameters = parameters(placed);
      return new LinearForward(name, x, parameters.get(0), parameters.get(1), y);
    } else if (layer instanceof Relu) {
      return new ReluForward(name, x, y);
    } else if (layer instanceof MaxPool2d pool) {
      Optional<TensorSpec> position =
          purpose instanceof Purpose.Training
              ? Optional.of(activation(name + ".position", placed.output(), DType.U8))
              : Optional.empty();
      return new MaxPoolForward(name, pool, x, y, position);
    } else if (layer instanceof GlobalAvgPool2d) {
      return new GlobalAvgPoolForward(name, x, y);
    } else if (layer instanceof Dropout dropout) {
      return new DropoutForward(name, dropout.probability(), dropoutStream, x, y);
    } else if (layer instanceof Flatten) {
      return new FlattenForward(name, x, y);
    }
    throw new AssertionError("no step for " + layer);
  }

  private void backward(List<ForwardStep> forward, TensorSpec logitsGradient, TensorSpec input) {
    TensorSpec dy = logitsGradient;
    for (int i = forward.size() - 1; i >= 0; i--) {
      ForwardStep step = forward.get(i);
      Optional<TensorSpec> dx =
          learnsBefore(forward, i) ? Optional.of(gradient(step.input())) : Optional.empty();
      steps.addAll(step.backward(dy, new Named(dx)));
      if (dx.isEmpty()) {
        return;
      }
      dy = dx.get();
    }
  }

  private static boolean learnsBefore(List<ForwardStep> forward, int index) {
    return forward.subList(0, index).stream()
        .flatMap(s -> s.reads().stream())
        .anyMatch(t -> t.role() == Role.PARAMETER);
  }

  private final class Named implements Gradients {
    private final Optional<TensorSpec> input;

    Named(Optional<TensorSpec> input) {
      this.input = input;
    }

    @Override
    public Optional<TensorSpec> input() {
      return input;
    }

    @Override
    public TensorSpec parameter(TensorSpec parameter) {
      return parameterGradients.computeIfAbsent(
          parameter,
          p ->
              new TensorSpec(
                  p.name() + ".gradient", p.shape(), DType.F32, Role.PARAMETER_GRADIENT));
    }
  }

  private void update(Sgd sgd) {
    List<TensorSpec> parameters =
        steps.stream()
            .filter(ForwardStep.class::isInstance)
            .flatMap(s -> s.reads().stream())
            .filter(t -> t.role() == Role.PARAMETER)
            .toList();
    List<TensorSpec> gradients = parameters.stream().map(parameterGradients::get).toList();
    List<TensorSpec> velocities =
        sgd.momentum() == 0
            ? List.of()
            : parameters.stream()
                .map(
                    p ->
                        new TensorSpec(
                            p.name() + ".velocity", p.shape(), DType.F32, Role.OPTIMIZER_STATE))
                .toList();
    steps.add(new SgdUpdate(sgd, parameters, gradients, velocities));
  }

  private static List<TensorSpec> parameters(Network.Placed placed) {
    return placed.parameters().stream().map(Planner::parameter).toList();
  }

  private static TensorSpec parameter(Parameter parameter) {
    return new TensorSpec(parameter.name(), parameter.shape(), DType.F32, Role.PARAMETER);
  }

  private TensorSpec activation(String name, Shape sample, DType type) {
    return new TensorSpec(name, sample.batched(batch), type, Role.ACTIVATION);
  }

  private static TensorSpec gradient(TensorSpec activation) {
    return new TensorSpec(
        activation.name() + ".gradient", activation.shape(), activation.type(), Role.ACTIVATION);
  }
}
