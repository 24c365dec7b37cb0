package org.nin4j.train;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Samples;
import org.nin4j.backend.Session;
import org.nin4j.model.Activation;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Linear;
import org.nin4j.model.Network;
import org.nin4j.model.ShapeException;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.Cast;
import org.nin4j.plan.step.FlattenForward;
import org.nin4j.plan.step.ForwardStep;
import org.nin4j.plan.step.GlobalAvgPoolForward;
import org.nin4j.plan.step.LinearForward;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.Parameters;
import org.nin4j.train.recipe.Recipe;

/**
 * A trained network that is looked into: it answers for one image at a time, by a plan that keeps
 * the activations of interest, so that no backend fuses them away or writes over them.
 */
final class Inspection implements AutoCloseable {
  /** How scores become means over maps: what is averaged, and what is made of the averages. */
  record Ending(TensorSpec pooled, Optional<LinearForward> linear) {}

  private final Checkpoint checkpoint;
  private final Session session;
  private final TensorSpec logits;
  private final Optional<Ending> ending;
  private final List<TensorSpec> blocks = new ArrayList<>();

  Inspection(Checkpoint checkpoint, Backend backend) {
    this.checkpoint = checkpoint;
    Recipe recipe = checkpoint.recipeInUse();
    Plan plan =
        Planner.plan(
            checkpoint.network(),
            recipe.images(checkpoint.image()),
            1,
            recipe.precisionOn(backend),
            new Purpose.Inference());
    logits = plan.steps(SoftmaxCrossEntropy.class).findFirst().orElseThrow().logits();
    ending = ending(plan, logits);
    blockEnds(checkpoint.network().nodes(recipe.images(checkpoint.image()).output()))
        .forEach(name -> blocks.add(plan.tensor(name)));
    List<TensorSpec> kept = new ArrayList<>(blocks);
    ending.ifPresent(e -> kept.add(e.pooled()));
    session = backend.bind(backend.prepare(plan.keeping(kept)));
    Parameters.write(session, checkpoint.inUse());
  }

  /** Goes back from the logits over what leaves them means, to the pool. */
  private static Optional<Ending> ending(Plan plan, TensorSpec logits) {
    Map<TensorSpec, ForwardStep> makers = new LinkedHashMap<>();
    plan.steps(ForwardStep.class).forEach(step -> makers.put(step.output(), step));
    Optional<LinearForward> linear = Optional.empty();
    TensorSpec at = logits;
    while (makers.containsKey(at)) {
      ForwardStep maker = makers.get(at);
      if (maker instanceof GlobalAvgPoolForward pool) {
        return Optional.of(new Ending(pool.input(), linear));
      } else if (maker instanceof LinearForward layer && linear.isEmpty()) {
        linear = Optional.of(layer);
      } else if (!(maker instanceof FlattenForward) && !(maker instanceof Cast)) {
        return Optional.empty();
      }
      at = maker.inputs().get(0);
    }
    return Optional.empty();
  }

  /**
   * The names of the nodes that blocks end in: the last of an outermost part with a convolution, or
   * of the activations and norms that follow it as parts of their own.
   */
  private static List<String> blockEnds(List<Network.Node> nodes) {
    Map<String, List<Network.Node>> parts = new LinkedHashMap<>();
    for (Network.Node node : nodes) {
      parts.computeIfAbsent(node.name().split("\\.")[0], p -> new ArrayList<>()).add(node);
    }
    List<String> ends = new ArrayList<>();
    boolean inBlock = false;
    for (List<Network.Node> part : parts.values()) {
      boolean follows =
          part.stream()
              .allMatch(n -> n.layer() instanceof Activation || n.layer() instanceof BatchNorm);
      boolean begins = part.stream().anyMatch(n -> n.layer() instanceof Conv2d);
      Network.Node last = part.get(part.size() - 1);
      boolean images = last.output().rank() == 3 && !(last.layer() instanceof Linear);
      if (images && begins) {
        ends.add(last.name());
      } else if (images && follows && inBlock) {
        ends.set(ends.size() - 1, last.name());
      }
      inBlock = images && (begins || follows && inBlock);
    }
    return ends;
  }

  boolean explains() {
    return ending.isPresent();
  }

  Ending requireEnding() {
    return ending.orElseThrow(
        () ->
            new ShapeException(
                checkpoint.network().name()
                    + " has no evidence maps: for them a network must end in a global average pool"
                    + " (globalavg), with flatten and at most one linear layer after it, as nin and"
                    + " resnet18 do"));
  }

  Evidence evidence(byte[] preprocessed) {
    Ending known = requireEnding();
    run(preprocessed);
    float[] rows = session.read(logits).values();
    List<Float> scores = new ArrayList<>();
    for (float score : rows) {
      scores.add(score);
    }
    HostTensor pooled = withoutBatch(session.read(known.pooled()));
    return new Evidence(
        Prediction.of(checkpoint.classes(), rows, 0),
        scores,
        known.linear().map(layer -> weighted(layer, pooled)).orElse(pooled));
  }

  /**
   * With a linear layer behind the pool, score k is Σ over c of w[k][c] · mean(x[c]) + b[k], which
   * is the mean of the map Σ over c of w[k][c] · x[c] + b[k].
   */
  private HostTensor weighted(LinearForward layer, HostTensor x) {
    float[] weights = session.read(layer.weight()).values();
    float[] bias = session.read(layer.bias()).values();
    int channels = x.shape().dim(0);
    int plane = x.shape().dim(1) * x.shape().dim(2);
    HostTensor maps = HostTensor.zeros(Shape.of(bias.length, x.shape().dim(1), x.shape().dim(2)));
    for (int k = 0; k < bias.length; k++) {
      for (int i = 0; i < plane; i++) {
        double sum = bias[k];
        for (int c = 0; c < channels; c++) {
          sum += (double) weights[k * channels + c] * x.values()[c * plane + i];
        }
        maps.values()[k * plane + i] = (float) sum;
      }
    }
    return maps;
  }

  List<FeatureMaps> featureMaps(byte[] preprocessed) {
    run(preprocessed);
    return blocks.stream()
        .map(tensor -> new FeatureMaps(tensor.name(), withoutBatch(session.read(tensor))))
        .toList();
  }

  private void run(byte[] preprocessed) {
    ByteBuffer pixels = ByteBuffer.allocateDirect(preprocessed.length).put(preprocessed);
    session.load(new Samples(pixels.rewind(), ByteBuffer.allocateDirect(1), 1, checkpoint.image()));
    session.begin(new Epoch(0, 0, new int[1], new float[1]));
    session.run();
  }

  private static HostTensor withoutBatch(HostTensor one) {
    int[] dims = one.shape().dims().stream().skip(1).mapToInt(d -> d).toArray();
    return new HostTensor(Shape.of(dims), one.values());
  }

  @Override
  public void close() {
    session.close();
  }
}
