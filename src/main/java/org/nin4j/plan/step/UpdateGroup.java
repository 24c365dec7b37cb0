package org.nin4j.plan.step;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.nin4j.tensor.DType;

/**
 * Parameters that are updated alike, by one step of a plan.
 *
 * @param parameters fp32, at least one
 * @param gradients one for each parameter
 * @param rate what the session's learning rate is multiplied by
 * @param clip what the gradients are multiplied by first, see {@link ClipFactor}
 * @param average a running average of the parameters
 */
public record UpdateGroup(
    List<TensorSpec> parameters,
    List<TensorSpec> gradients,
    float rate,
    Optional<TensorSpec> clip,
    Optional<Average> average) {

  /**
   * A running average of the parameters after each update: in the training's first step a ← w,
   * after it a ← decay·a + (1 − decay)·w.
   *
   * @param decay in [0, 1)
   * @param values one for each parameter
   */
  public record Average(float decay, List<TensorSpec> values) {
    public Average {
      values = List.copyOf(values);
      requireDecay(decay);
    }

    static void requireDecay(float decay) {
      if (!(decay >= 0 && decay < 1)) {
        throw new IllegalArgumentException("an average's decay is in [0, 1), not " + decay);
      }
    }

    /** What the average of a parameter is called. */
    public static String name(String parameter) {
      return parameter + ".average";
    }

    /** How much of the average stays in that step of the training, from 0. */
    public float kept(long step) {
      return step == 0 ? 0 : decay;
    }
  }

  public UpdateGroup {
    parameters = List.copyOf(parameters);
    gradients = List.copyOf(gradients);
    TensorRules rules = TensorRules.of("update", Update.class);
    rules.require(!parameters.isEmpty(), "there is nothing to update");
    rules.require(rate >= 0 && rate < Float.POSITIVE_INFINITY, "a rate of " + rate);
    rules.alikeOneByOne(parameters, gradients);
    parameters.forEach(p -> rules.type(DType.F32, p));
    clip.ifPresent(c -> rules.type(DType.F32, c).shape(c, 1));
    if (average.isPresent()) {
      rules.alikeOneByOne(parameters, average.get().values());
    }
  }

  /** At the session's own rate, neither clipped nor averaged. */
  public static UpdateGroup of(List<TensorSpec> parameters, List<TensorSpec> gradients) {
    return new UpdateGroup(parameters, gradients, 1, Optional.empty(), Optional.empty());
  }

  private Stream<TensorSpec> averages() {
    return average.stream().flatMap(a -> a.values().stream());
  }

  /** What an update reads that keeps these states. */
  List<TensorSpec> reads(List<List<TensorSpec>> states) {
    return Stream.of(
            parameters.stream(),
            gradients.stream(),
            clip.stream(),
            states.stream().flatMap(List::stream),
            averages())
        .flatMap(s -> s)
        .toList();
  }

  /** What it writes. */
  List<TensorSpec> writes(List<List<TensorSpec>> states) {
    return Stream.of(parameters.stream(), states.stream().flatMap(List::stream), averages())
        .flatMap(s -> s)
        .toList();
  }
}
