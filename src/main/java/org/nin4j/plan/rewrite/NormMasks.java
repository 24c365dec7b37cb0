package org.nin4j.plan.rewrite;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.nin4j.model.Activation;
import org.nin4j.plan.Plan;
import org.nin4j.plan.step.ActivationBackward;
import org.nin4j.plan.step.BatchNormBackward;
import org.nin4j.plan.step.BatchNormForward;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/**
 * The gradient of a batch norm and of the ReLU that {@link Fusion#NORM_RELU} has put into it as one
 * step, for backends whose norm keeps a mask of what the ReLU let through: the mask is a tensor
 * from the one to the other.
 */
public final class NormMasks {
  private NormMasks() {}

  /**
   * The plan with the masks that are wanted.
   *
   * @param wanted is asked for each batch norm with a ReLU and nothing else
   */
  public static Plan apply(Plan plan, Predicate<BatchNormForward> wanted) {
    Map<Step, Step> replaced = new HashMap<>();
    List<Step> steps = plan.steps();
    List<Step> rewritten = new ArrayList<>();
    for (int i = 0; i < steps.size(); i++) {
      Optional<BatchNormForward> norm =
          i + 1 < steps.size()
              ? norm(plan, steps.get(i), steps.get(i + 1)).filter(wanted)
              : Optional.empty();
      if (norm.isPresent()) {
        BatchNormForward forward = norm.get();
        TensorSpec mask = mask(forward);
        replaced.put(forward, forward.then(forward.after().keeping(mask), forward.output()));
        rewritten.add(
            Fusion.normReluBackward(
                forward,
                (ActivationBackward) steps.get(i),
                (BatchNormBackward) steps.get(i + 1),
                Optional.of(mask)));
        i++;
      } else {
        rewritten.add(steps.get(i));
      }
    }
    rewritten.replaceAll(step -> replaced.getOrDefault(step, step));
    return plan.withSteps(rewritten);
  }

  /** The norm whose gradient two neighbouring steps compute. */
  private static Optional<BatchNormForward> norm(Plan plan, Step first, Step second) {
    if (first instanceof ActivationBackward r
        && r.function() == Activation.RELU
        && second instanceof BatchNormBackward n
        && n.outputGradient().equals(r.inputGradient())
        && plan.isOnlyFor(r.inputGradient(), n)) {
      return plan.steps(BatchNormForward.class)
          .filter(f -> f.input().equals(n.input()) && f.output().equals(r.output()))
          .filter(f -> f.after().relu() && f.after().added().isEmpty())
          .findFirst();
    }
    return Optional.empty();
  }

  private static TensorSpec mask(BatchNormForward norm) {
    int bytes = Math.toIntExact((norm.output().shape().elements() + 7) / 8);
    return new TensorSpec(norm.layer() + ".mask", Shape.of(bytes), DType.U8, Role.ACTIVATION);
  }
}
