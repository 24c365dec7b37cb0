package org.nin4j.plan.rewrite;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.nin4j.model.Activation;
import org.nin4j.plan.Plan;
import org.nin4j.plan.step.ActivationBackward;
import org.nin4j.plan.step.ActivationForward;
import org.nin4j.plan.step.AfterNorm;
import org.nin4j.plan.step.BatchNormBackward;
import org.nin4j.plan.step.BatchNormForward;
import org.nin4j.plan.step.BatchNormInference;
import org.nin4j.plan.step.BatchNormReluBackward;
import org.nin4j.plan.step.BatchNormSumReluBackward;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.FoldNorm;
import org.nin4j.plan.step.LinearForward;
import org.nin4j.plan.step.MaxPoolBackward;
import org.nin4j.plan.step.MaxPoolForward;
import org.nin4j.plan.step.ReluBiasBackward;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.Sum;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;

/** Rewrites that put two steps into one; each is pure, and a backend applies those it has. */
public enum Fusion implements UnaryOperator<Plan> {
  /**
   * In inference, a convolution and the batch norm after it: the norm goes into the weights and the
   * bias, in a step that each run begins with, since they may change between runs. Where an output
   * has no more elements than the weights that is no gain, and not done.
   */
  FOLD_NORM(Fusion::foldNorm),
  /** A convolution and the ReLU after it; the value between them is never stored. */
  CONVOLUTION_RELU(Fusion::convolutionRelu),
  /** A linear layer and the ReLU after it; the value between them is never stored. */
  LINEAR_RELU(Fusion::linearRelu),
  /** A batch norm and the ReLU after it. */
  NORM_RELU(Fusion::normRelu),
  /** A sum and the ReLU after it. */
  SUM_RELU(Fusion::sumRelu),
  /** A batch norm and, after it, a sum of two with its ReLU, which {@link #SUM_RELU} has made. */
  NORM_SUM_RELU(Fusion::normSumRelu),
  /**
   * The gradient of what {@link #NORM_RELU} and {@link #NORM_SUM_RELU} have made: the ReLU's and
   * the norm's.
   */
  NORM_RELU_GRADIENT(Fusion::normReluGradient),
  /** The ReLU's gradient and the bias gradient of the convolution before it. */
  RELU_BIAS_GRADIENT((plan, first, second) -> reluBiasGradient(first, second)),
  /**
   * The gradient of a ReLU that a max pool follows: the winners' gradients are masked where they
   * are few, before they are spread, since a winner is above 0 exactly where the pool's output is.
   */
  RELU_AFTER_POOL(Fusion::reluAfterPool);

  @FunctionalInterface
  private interface Pair {
    /** What two neighbouring steps of a plan become; empty to leave them. */
    Optional<List<Step>> fuse(Plan plan, Step first, Step second);
  }

  private final Pair pair;

  Fusion(Pair pair) {
    this.pair = pair;
  }

  @Override
  public Plan apply(Plan plan) {
    List<Step> rewritten = new ArrayList<>();
    List<Step> steps = plan.steps();
    int i = 0;
    while (i < steps.size()) {
      Optional<List<Step>> fused =
          i + 1 < steps.size() ? pair.fuse(plan, steps.get(i), steps.get(i + 1)) : Optional.empty();
      if (fused.isPresent()) {
        rewritten.addAll(fused.get());
        i += 2;
      } else {
        rewritten.add(steps.get(i));
        i++;
      }
    }
    return plan.withSteps(rewritten);
  }

  private static Optional<List<Step>> convolutionRelu(Plan plan, Step first, Step second) {
    if (first instanceof ConvolutionForward c
        && second instanceof ActivationForward r
        && r.function() == Activation.RELU
        && !c.relu()
        && r.input().equals(c.output())
        && plan.isOnlyFor(c.output(), r)) {
      return Optional.of(
          List.of(
              new ConvolutionForward(
                  c.layer(), c.convolution(), c.input(), c.weight(), c.bias(), r.output(), true)));
    }
    return Optional.empty();
  }

  private static Optional<List<Step>> linearRelu(Plan plan, Step first, Step second) {
    if (first instanceof LinearForward l
        && second instanceof ActivationForward r
        && r.function() == Activation.RELU
        && !l.relu()
        && r.input().equals(l.output())
        && plan.isOnlyFor(l.output(), r)) {
      return Optional.of(
          List.of(new LinearForward(l.layer(), l.input(), l.weight(), l.bias(), r.output(), true)));
    }
    return Optional.empty();
  }

  private static Optional<List<Step>> foldNorm(Plan plan, Step first, Step second) {
    if (first instanceof ConvolutionForward c
        && second instanceof BatchNormInference n
        && !c.relu()
        && n.after().equals(AfterNorm.NOTHING)
        && n.input().equals(c.output())
        && plan.isOnlyFor(c.output(), n)
        && c.weight().shape().elements() < c.output().shape().elements()) {
      TensorSpec weight = folded(c.weight().name(), c.weight());
      TensorSpec bias = folded(c.layer() + ".bias", n.bias());
      return Optional.of(
          List.of(
              new FoldNorm(
                  c.layer(),
                  n.norm(),
                  c.weight(),
                  c.bias(),
                  n.weight(),
                  n.bias(),
                  n.runningMean(),
                  n.runningVariance(),
                  weight,
                  bias),
              new ConvolutionForward(
                  c.layer(),
                  c.convolution(),
                  c.input(),
                  weight,
                  Optional.of(bias),
                  n.output(),
                  false)));
    }
    return Optional.empty();
  }

  private static TensorSpec folded(String name, TensorSpec like) {
    return new TensorSpec(name + ".folded", like.shape(), like.type(), Role.DERIVED);
  }

  private static Optional<List<Step>> normRelu(Plan plan, Step first, Step second) {
    if (second instanceof ActivationForward r && r.function() == Activation.RELU) {
      if (first instanceof BatchNormForward n
          && n.after().equals(AfterNorm.NOTHING)
          && r.input().equals(n.output())
          && plan.isOnlyFor(n.output(), r)) {
        return Optional.of(List.of(n.then(AfterNorm.RELU, r.output())));
      }
      if (first instanceof BatchNormInference n
          && n.after().equals(AfterNorm.NOTHING)
          && r.input().equals(n.output())
          && plan.isOnlyFor(n.output(), r)) {
        return Optional.of(List.of(n.then(AfterNorm.RELU, r.output())));
      }
    }
    return Optional.empty();
  }

  private static Optional<List<Step>> sumRelu(Plan plan, Step first, Step second) {
    if (first instanceof Sum s
        && second instanceof ActivationForward r
        && r.function() == Activation.RELU
        && !s.relu()
        && r.input().equals(s.output())
        && plan.isOnlyFor(s.output(), r)) {
      return Optional.of(List.of(new Sum(s.layer(), s.inputs(), r.output(), true)));
    }
    return Optional.empty();
  }

  private static Optional<List<Step>> normSumRelu(Plan plan, Step first, Step second) {
    if (second instanceof Sum s && s.relu() && s.inputs().size() == 2) {
      if (first instanceof BatchNormForward n
          && n.after().equals(AfterNorm.NOTHING)
          && plan.isOnlyFor(n.output(), s)) {
        return other(s, n.output()).map(a -> List.of(n.then(AfterNorm.sumRelu(a), s.output())));
      }
      if (first instanceof BatchNormInference n
          && n.after().equals(AfterNorm.NOTHING)
          && plan.isOnlyFor(n.output(), s)) {
        return other(s, n.output()).map(a -> List.of(n.then(AfterNorm.sumRelu(a), s.output())));
      }
    }
    return Optional.empty();
  }

  /** What a tensor is added to; empty where it is not a term, or both. */
  private static Optional<TensorSpec> other(Sum sum, TensorSpec term) {
    List<TensorSpec> others = sum.inputs().stream().filter(t -> !t.equals(term)).toList();
    return others.size() == 1 ? Optional.of(others.get(0)) : Optional.empty();
  }

  private static Optional<List<Step>> normReluGradient(Plan plan, Step first, Step second) {
    if (first instanceof ActivationBackward r
        && r.function() == Activation.RELU
        && second instanceof BatchNormBackward n
        && n.outputGradient().equals(r.inputGradient())) {
      return plan.steps(BatchNormForward.class)
          .filter(f -> f.input().equals(n.input()) && f.output().equals(r.output()))
          .findFirst()
          .flatMap(
              f ->
                  f.after().added().isPresent()
                      ? Optional.of(normSumReluBackward(r, n))
                      : plan.isOnlyFor(r.inputGradient(), n)
                          ? Optional.of(normReluBackward(f, r, n, Optional.empty()))
                          : Optional.empty())
          .map(List::of);
    }
    return Optional.empty();
  }

  static Step normReluBackward(
      BatchNormForward f, ActivationBackward r, BatchNormBackward n, Optional<TensorSpec> mask) {
    return new BatchNormReluBackward(
        n.layer(),
        n.input(),
        n.weight(),
        f.bias(),
        n.mean(),
        n.inverse(),
        mask,
        r.outputGradient(),
        n.inputGradient(),
        n.weightGradient(),
        n.biasGradient());
  }

  private static Step normSumReluBackward(ActivationBackward r, BatchNormBackward n) {
    return new BatchNormSumReluBackward(
        n.layer(),
        n.input(),
        n.weight(),
        n.mean(),
        n.inverse(),
        r.output(),
        r.outputGradient(),
        r.inputGradient(),
        n.inputGradient(),
        n.weightGradient(),
        n.biasGradient());
  }

  private static Optional<List<Step>> reluAfterPool(Plan plan, Step first, Step second) {
    if (first instanceof MaxPoolBackward p
        && second instanceof ActivationBackward r
        && r.function() == Activation.RELU
        && r.outputGradient().equals(p.inputGradient())
        && plan.isOnlyFor(p.inputGradient(), r)) {
      TensorSpec dy = p.outputGradient();
      TensorSpec masked = new TensorSpec(dy.name() + ".masked", dy.shape(), dy.type(), dy.role());
      return plan.steps(MaxPoolForward.class)
          .filter(f -> f.input().equals(r.output()))
          .filter(f -> f.position().equals(Optional.of(p.position())))
          .findFirst()
          .map(
              forward ->
                  List.of(
                      new ActivationBackward(r.layer(), r.function(), forward.output(), dy, masked),
                      new MaxPoolBackward(
                          p.layer(), p.pool(), p.position(), masked, r.inputGradient())));
    }
    return Optional.empty();
  }

  private static Optional<List<Step>> reluBiasGradient(Step first, Step second) {
    if (first instanceof ActivationBackward r
        && r.function() == Activation.RELU
        && second instanceof ConvolutionBackwardFilter f
        && f.outputGradient().equals(r.inputGradient())
        && f.biasGradient().isPresent()) {
      return Optional.of(
          List.of(
              new ReluBiasBackward(
                  r.layer(),
                  r.output(),
                  r.outputGradient(),
                  r.inputGradient(),
                  f.biasGradient().get()),
              new ConvolutionBackwardFilter(
                  f.layer(),
                  f.convolution(),
                  f.input(),
                  f.outputGradient(),
                  f.weightGradient(),
                  Optional.empty())));
    }
    return Optional.empty();
  }
}
