package org.nin4j.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.nin4j.model.Activation;
import org.nin4j.model.AvgPool2d;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Concat;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.GlobalMaxPool2d;
import org.nin4j.model.Identity;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Operation;
import org.nin4j.model.OperationVisitor;
import org.nin4j.model.Parameter;
import org.nin4j.model.ShapeException;
import org.nin4j.plan.step.ActivationForward;
import org.nin4j.plan.step.AfterNorm;
import org.nin4j.plan.step.AvgPoolForward;
import org.nin4j.plan.step.BatchNormForward;
import org.nin4j.plan.step.BatchNormInference;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Cast;
import org.nin4j.plan.step.ClipFactor;
import org.nin4j.plan.step.ConcatForward;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.DropoutForward;
import org.nin4j.plan.step.FlattenForward;
import org.nin4j.plan.step.ForwardStep;
import org.nin4j.plan.step.GlobalAvgPoolForward;
import org.nin4j.plan.step.GlobalMaxPoolForward;
import org.nin4j.plan.step.Gradients;
import org.nin4j.plan.step.Learning;
import org.nin4j.plan.step.LinearForward;
import org.nin4j.plan.step.MakeBatch;
import org.nin4j.plan.step.MaxPoolForward;
import org.nin4j.plan.step.Optimizer;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.Sum;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.plan.step.Update;
import org.nin4j.plan.step.UpdateGroup;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

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
    List<Network.Node> nodes = network.nodes(images.output());
    if (nodes.isEmpty()) {
      throw new ShapeException(network.name() + " has no layer that computes anything");
    }
    Shape classes = nodes.get(nodes.size() - 1).output();
    if (classes.rank() != 1) {
      throw new ShapeException(
          network.name()
              + " ends in "
              + classes
              + "; a classifier ends in (classes), so place flatten last");
    }
    int head = head(nodes);
    DType stored = head < 0 ? DType.F32 : precision.activations();
    TensorSpec input = activation("images", images.output(), stored);
    TensorSpec labels = new TensorSpec("labels", Shape.of(batch), DType.I32, Role.ACTIVATION);
    steps.add(new MakeBatch(images, input, labels));
    Forward forward = new Forward(nodes, head, input);
    steps.addAll(forward.steps);
    TensorSpec logits = forward.logits();
    if (purpose instanceof Purpose.Training training) {
      Backward backward = new Backward(forward.steps);
      TensorSpec gradient = gradient(logits);
      steps.add(
          new SoftmaxCrossEntropy(
              logits, labels, Optional.of(gradient), training.labelSmoothing()));
      backward.follow(logits, gradient);
      training.learning().ifPresent(learning -> update(learning, images));
    } else {
      steps.add(new SoftmaxCrossEntropy(logits, labels, Optional.empty(), 0));
    }
    requireDistinct();
    Set<TensorSpec> kept = new HashSet<>(Set.of(logits, labels));
    return new Plan(network.name(), batch, precision, steps, kept);
  }

  /** A layer called {@code images}, or a branch called {@code gradient}, could be mistaken. */
  private void requireDistinct() {
    Set<String> names = new HashSet<>();
    for (Step step : steps) {
      for (TensorSpec tensor : step.writes()) {
        if (tensor.role() == Role.ACTIVATION && !names.add(tensor.name())) {
          throw new ShapeException(
              Text.of(
                  "layer %s of %s: another tensor of the plan is called %s; give the layer another name",
                  step.layer(), network.name(), tensor.name()));
        }
      }
    }
  }

  /**
   * The last layer that makes sums, which rounding would spoil: it and all that follows are fp32.
   * Where there is none, everything is.
   */
  private static int head(List<Network.Node> nodes) {
    int head = nodes.size() - 1;
    while (head >= 0 && !makesSums(nodes.get(head).layer())) {
      head--;
    }
    return head;
  }

  private static boolean makesSums(Operation layer) {
    return layer instanceof Conv2d
        || layer instanceof Linear
        || layer instanceof GlobalAvgPool2d
        || layer instanceof AvgPool2d
        || layer instanceof BatchNorm;
  }

  /** The steps of the network itself. */
  private final class Forward {
    final List<ForwardStep> steps = new ArrayList<>();
    private final TensorSpec images;
    private final List<TensorSpec> outputs = new ArrayList<>();
    private final Map<TensorSpec, TensorSpec> casts = new HashMap<>();
    private int dropouts;

    /**
     * @param head from where on everything is fp32
     */
    Forward(List<Network.Node> nodes, int head, TensorSpec images) {
      this.images = images;
      for (int i = 0; i < nodes.size(); i++) {
        Network.Node node = nodes.get(i);
        DType type = i >= head ? DType.F32 : precision.activations();
        List<TensorSpec> inputs = new ArrayList<>();
        for (int of : node.inputs()) {
          inputs.add(inType(type, node.name(), of == Network.IMAGES ? images : outputs.get(of)));
        }
        TensorSpec output = activation(node.name(), node.output(), type);
        List<ForwardStep> computed =
            node.layer().accept(new StepsOf(node, inputs, output, dropouts));
        if (node.layer() instanceof Dropout) {
          dropouts++;
        }
        steps.addAll(computed);
        outputs.add(computed.isEmpty() ? inputs.get(0) : output);
      }
    }

    TensorSpec logits() {
      return outputs.get(outputs.size() - 1);
    }

    private TensorSpec inType(DType type, String layer, TensorSpec tensor) {
      if (tensor.type() == type) {
        return tensor;
      }
      return casts.computeIfAbsent(
          tensor,
          t -> {
            String name = t.name() + "." + type.name().toLowerCase(Locale.ROOT);
            TensorSpec cast = new TensorSpec(name, t.shape(), type, Role.ACTIVATION);
            steps.add(new Cast(layer, t, cast));
            return cast;
          });
    }
  }

  /** What an operation is as a step; none where it has nothing to do. */
  private final class StepsOf implements OperationVisitor<List<ForwardStep>> {
    private final Network.Node node;
    private final String name;
    private final List<TensorSpec> inputs;
    private final TensorSpec x;
    private final TensorSpec y;
    private final int dropouts;

    StepsOf(Network.Node node, List<TensorSpec> inputs, TensorSpec output, int dropouts) {
      this.node = node;
      this.name = node.name();
      this.inputs = inputs;
      this.x = inputs.get(0);
      this.y = output;
      this.dropouts = dropouts;
    }

    private boolean training() {
      return purpose instanceof Purpose.Training;
    }

    private TensorSpec parameter(int index) {
      Parameter parameter = node.parameters().get(index);
      return new TensorSpec(parameter.name(), parameter.shape(), DType.F32, Role.PARAMETER);
    }

    private TensorSpec state(int index) {
      Parameter state = node.state().get(index);
      return new TensorSpec(state.name(), state.shape(), DType.F32, Role.STATE);
    }

    /** Which element won, for each output, if there will be a gradient. */
    private Optional<TensorSpec> position(DType type) {
      return training()
          ? Optional.of(activation(name + ".position", node.output(), type))
          : Optional.empty();
    }

    @Override
    public List<ForwardStep> visit(Conv2d layer) {
      Optional<TensorSpec> bias = layer.bias() ? Optional.of(parameter(1)) : Optional.empty();
      return List.of(new ConvolutionForward(name, layer, x, parameter(0), bias, y, false));
    }

    @Override
    public List<ForwardStep> visit(Linear layer) {
      return List.of(new LinearForward(name, x, parameter(0), parameter(1), y, false));
    }

    @Override
    public List<ForwardStep> visit(Activation layer) {
      return List.of(new ActivationForward(name, layer, x, y));
    }

    @Override
    public List<ForwardStep> visit(BatchNorm layer) {
      if (!training()) {
        return List.of(
            new BatchNormInference(
                name,
                layer,
                x,
                parameter(0),
                parameter(1),
                state(0),
                state(1),
                y,
                AfterNorm.NOTHING));
      }
      Shape channels = Shape.of(node.output().dim(0));
      return List.of(
          new BatchNormForward(
              name,
              layer,
              x,
              parameter(0),
              parameter(1),
              state(0),
              state(1),
              y,
              new TensorSpec(name + ".mean", channels, DType.F32, Role.ACTIVATION),
              new TensorSpec(name + ".inverse", channels, DType.F32, Role.ACTIVATION),
              AfterNorm.NOTHING));
    }

    @Override
    public List<ForwardStep> visit(MaxPool2d layer) {
      return List.of(new MaxPoolForward(name, layer, x, y, position(DType.U8)));
    }

    @Override
    public List<ForwardStep> visit(AvgPool2d layer) {
      return List.of(new AvgPoolForward(name, layer, x, y));
    }

    @Override
    public List<ForwardStep> visit(GlobalAvgPool2d layer) {
      return List.of(new GlobalAvgPoolForward(name, x, y));
    }

    @Override
    public List<ForwardStep> visit(GlobalMaxPool2d layer) {
      return List.of(new GlobalMaxPoolForward(name, x, y, position(DType.I32)));
    }

    @Override
    public List<ForwardStep> visit(Dropout layer) {
      return training()
          ? List.of(
              new DropoutForward(name, layer.probability(), Philox.Stream.DROPOUT + dropouts, x, y))
          : List.of();
    }

    @Override
    public List<ForwardStep> visit(Flatten layer) {
      return List.of(new FlattenForward(name, x, y));
    }

    @Override
    public List<ForwardStep> visit(Identity layer) {
      return List.of();
    }

    @Override
    public List<ForwardStep> visit(org.nin4j.model.Sum layer) {
      return List.of(new Sum(name, inputs, y, false));
    }

    @Override
    public List<ForwardStep> visit(Concat layer) {
      return List.of(new ConcatForward(name, inputs, y));
    }
  }

  /** The gradients' steps, from the last layer to the first that learns. */
  private final class Backward {
    private final List<ForwardStep> forward;
    private final Set<TensorSpec> learned = new HashSet<>();
    private final Map<TensorSpec, Integer> uses = new HashMap<>();
    private final Map<TensorSpec, List<TensorSpec>> shares = new HashMap<>();

    Backward(List<ForwardStep> forward) {
      this.forward = forward;
      for (ForwardStep step : forward) {
        boolean learns =
            step.reads().stream().anyMatch(t -> t.role() == Role.PARAMETER)
                || step.inputs().stream().anyMatch(learned::contains);
        if (learns) {
          learned.add(step.output());
        }
        step.inputs().forEach(t -> uses.merge(t, 1, Integer::sum));
      }
    }

    void follow(TensorSpec logits, TensorSpec logitsGradient) {
      shares.put(logits, List.of(logitsGradient));
      for (int i = forward.size() - 1; i >= 0; i--) {
        ForwardStep step = forward.get(i);
        if (learned.contains(step.output())) {
          steps.addAll(step.backward(whole(step.output()), gradients));
        }
      }
    }

    /** The gradient by a tensor all of whose readers have given their shares. */
    private TensorSpec whole(TensorSpec tensor) {
      List<TensorSpec> parts = shares.get(tensor);
      if (parts.size() == 1) {
        return parts.get(0);
      }
      TensorSpec sum = gradient(tensor);
      steps.add(new Sum(tensor.name(), parts, sum, false));
      return sum;
    }

    private final Gradients gradients =
        new Gradients() {
          @Override
          public Optional<TensorSpec> of(TensorSpec input) {
            if (!learned.contains(input)) {
              return Optional.empty();
            }
            TensorSpec share = gradient(input);
            if (uses.get(input) > 1) {
              int number = shares.getOrDefault(input, List.of()).size();
              share =
                  new TensorSpec(
                      share.name() + "." + number, share.shape(), share.type(), share.role());
            }
            pass(input, share);
            return Optional.of(share);
          }

          @Override
          public void pass(TensorSpec input, TensorSpec gradient) {
            if (learned.contains(input)) {
              shares.computeIfAbsent(input, t -> new ArrayList<>()).add(gradient);
            }
          }

          @Override
          public TensorSpec parameter(TensorSpec parameter) {
            return parameterGradients.computeIfAbsent(
                parameter,
                p ->
                    new TensorSpec(
                        p.name() + ".gradient", p.shape(), DType.F32, Role.PARAMETER_GRADIENT));
          }
        };
  }

  /** One update for each group of parameters that are treated alike. */
  private void update(Learning learning, BatchSpec images) {
    Map<String, TensorSpec> parameters = new LinkedHashMap<>();
    steps.stream()
        .filter(ForwardStep.class::isInstance)
        .flatMap(s -> s.reads().stream())
        .filter(t -> t.role() == Role.PARAMETER)
        .forEach(t -> parameters.put(t.name(), t));
    Optional<TensorSpec> clip =
        learning
            .clip()
            .map(norm -> new TensorSpec("clip", Shape.of(1), DType.F32, Role.ACTIVATION));
    clip.ifPresent(
        factor ->
            steps.add(
                new ClipFactor(
                    learning.clip().orElseThrow(),
                    parameters.values().stream().map(parameterGradients::get).toList(),
                    factor)));
    List<Parameter> learned = network.parameters(images.output());
    Optional<String> last =
        learned.stream()
            .filter(p -> p.role() == Parameter.Role.WEIGHT)
            .map(Planner::layer)
            .reduce((before, after) -> after);
    Map<Treatment, List<TensorSpec>> groups = new LinkedHashMap<>();
    for (Parameter parameter : learned) {
      boolean ofLast = last.equals(Optional.of(layer(parameter)));
      groups
          .computeIfAbsent(Treatment.of(parameter, ofLast, learning), t -> new ArrayList<>())
          .add(parameters.get(parameter.name()));
    }
    groups.forEach((treatment, tensors) -> steps.add(update(treatment, tensors, clip, learning)));
  }

  /** How a group is updated. */
  private record Treatment(Optimizer optimizer, float rate) {
    static Treatment of(Parameter parameter, boolean last, Learning learning) {
      Learning.Factors factors = learning.factors();
      boolean weight = parameter.role() == Parameter.Role.WEIGHT;
      float rate =
          switch (parameter.role()) {
            case WEIGHT -> 1;
            case BIAS -> factors.bias();
            case SCALE, SHIFT -> factors.norm();
            case RUNNING_MEAN, RUNNING_VARIANCE ->
                throw new IllegalStateException(parameter.name() + " is not learned");
          };
      return new Treatment(
          weight || !factors.decayWeightsOnly()
              ? learning.optimizer()
              : learning.optimizer().withoutDecay(),
          last ? rate * factors.last() : rate);
    }
  }

  private static String layer(Parameter parameter) {
    return parameter.name().substring(0, parameter.name().lastIndexOf('.') + 1);
  }

  private Update update(
      Treatment treatment,
      List<TensorSpec> parameters,
      Optional<TensorSpec> clip,
      Learning learning) {
    UpdateGroup group =
        new UpdateGroup(
            parameters,
            parameters.stream().map(parameterGradients::get).toList(),
            treatment.rate(),
            clip,
            learning
                .average()
                .map(
                    decay ->
                        new UpdateGroup.Average(
                            decay, beside(parameters, UpdateGroup.Average::name))));
    return treatment.optimizer().update(group, what -> beside(parameters, p -> p + "." + what));
  }

  /** Something to remember for each parameter. */
  private static List<TensorSpec> beside(List<TensorSpec> parameters, UnaryOperator<String> name) {
    return parameters.stream()
        .map(p -> new TensorSpec(name.apply(p.name()), p.shape(), DType.F32, Role.OPTIMIZER_STATE))
        .toList();
  }

  private TensorSpec activation(String name, Shape sample, DType type) {
    return new TensorSpec(name, sample.batched(batch), type, Role.ACTIVATION);
  }

  private static TensorSpec gradient(TensorSpec activation) {
    return new TensorSpec(
        activation.name() + ".gradient", activation.shape(), activation.type(), Role.ACTIVATION);
  }
}
