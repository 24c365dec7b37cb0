package org.nin4j.plan.rewrite;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.nin4j.model.Activation;
import org.nin4j.plan.Plan;
import org.nin4j.plan.step.ActivationBackward;
import org.nin4j.plan.step.ActivationForward;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.LinearForward;
import org.nin4j.plan.step.MaxPoolBackward;
import org.nin4j.plan.step.MaxPoolForward;
import org.nin4j.plan.step.ReluBiasBackward;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;

/** Rewrites that put two steps into one; each is pure, and a backend applies those it has. */
public enum Fusion implements UnaryOperator<Plan> {
  /** A convolution and the ReLU after it; the value between them is never stored. */
  CONVOLUTION_RELU {
    @Override
    public Plan apply(Plan plan) {
      return rewrite(plan, (first, second) -> convolutionRelu(plan, first, second));
    }
  },
  /** A linear layer and the ReLU after it; the value between them is never stored. */
  LINEAR_RELU {
    @Override
    public Plan apply(Plan plan) {
      return rewrite(plan, (first, second) -> linearRelu(plan, first, second));
    }
  },
  /** The ReLU's gradient and the bias gradient of the convolution before it. */
  RELU_BIAS_GRADIENT {
    @Override
    public Plan apply(Plan plan) {
      return rewrite(plan, Fusion::reluBiasGradient);
    }
  },
  /**
   * The gradient of a ReLU that a max pool follows: the winners' gradients are masked where they
   * are few, before they are spread, since a winner is above 0 exactly where the pool's output is.
   */
  RELU_AFTER_POOL {
    @Override
    public Plan apply(Plan plan) {
      return rewrite(plan, (first, second) -> reluAfterPool(plan, first, second));
    }
  };

  private interface Pair {
    /** What two neighbouring steps become; empty to leave them. */
    Optional<List<Step>> fuse(Step first, Step second);
  }

  private static Plan rewrite(Plan plan, Pair pair) {
    List<Step> rewritten = new ArrayList<>();
    List<Step> steps = plan.steps();
    int i = 0;
    while (i < steps.size()) {
      Optional<List<Step>> fused =
          i + 1 < steps.size() ? pair.fuse(steps.get(i), steps.get(i + 1)) : Optional.empty();
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
