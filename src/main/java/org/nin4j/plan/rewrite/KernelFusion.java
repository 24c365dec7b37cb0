package org.nin4j.plan.rewrite;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.nin4j.model.Activation;
import org.nin4j.plan.Plan;
import org.nin4j.plan.step.ActivationBackward;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.ForwardStep;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.MaxPoolBackward;
import org.nin4j.plan.step.MaxPoolForward;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.plan.step.Update;

/**
 * Rewrites that put several steps, or a batch norm, into one {@link Fused}. Each is pure; which
 * shapes there are kernels for, and where they gain, is the backend's to say. They see what {@link
 * Fusion} has left: convolutions with their ReLU in them.
 */
public enum KernelFusion {
  /** Two 1×1 convolutions in a row; what is between them is stored only if others read it. */
  POINTWISE_PAIR {
    @Override
    Optional<List<Replacement>> at(Plan plan, int index) {
      return steps(plan, index, 2)
          .filter(Fused.Kernel.POINTWISE_PAIR::fits)
          .map(
              pair ->
                  List.of(new Replacement(pair, fused(Fused.Kernel.POINTWISE_PAIR, pair, plan))));
    }
  },
  /**
   * A convolution, two 1×1 convolutions and a max pool. In training their gradients become one step
   * too, which computes the activations between the layers again: they are not stored at all, so
   * the one is no gain without the other.
   */
  NIN_BLOCK {
    @Override
    Optional<List<Replacement>> at(Plan plan, int index) {
      return steps(plan, index, 4)
          .filter(Fused.Kernel.NIN_BLOCK_FORWARD::fits)
          .flatMap(forward -> ninBlock(plan, forward, index + 4));
    }
  },
  /**
   * The last two 1×1 convolutions and the mean that makes logits of them; stored are the logits and
   * the convolutions' outputs, where others read these.
   */
  HEAD_FORWARD {
    @Override
    Optional<List<Replacement>> at(Plan plan, int index) {
      return head(plan, Fused.Kernel.HEAD_FORWARD, steps(plan, index, 5), 0, 1, 4);
    }
  },
  /** From the logits' gradient to that before the first ReLU, with those of all parameters. */
  HEAD_BACKWARD {
    @Override
    Optional<List<Replacement>> at(Plan plan, int index) {
      return head(plan, Fused.Kernel.HEAD_BACKWARD, steps(plan, index, 10), 9);
    }
  },
  /**
   * A convolution's data gradient and the gradient of the ReLU before it, if nobody else wants to
   * see what is between them.
   */
  DATA_GRADIENT_RELU {
    @Override
    Optional<List<Replacement>> at(Plan plan, int index) {
      return steps(plan, index, 2)
          .filter(Fused.Kernel.DATA_GRADIENT_RELU::fits)
          .filter(pair -> plan.isOnlyFor(pair.get(0).writes().get(0), pair.get(1)))
          .map(
              pair ->
                  List.of(
                      new Replacement(pair, fused(Fused.Kernel.DATA_GRADIENT_RELU, pair, plan))));
    }
  },
  /** A batch norm in training, or its gradients: the same step in a single pass. */
  NORM {
    @Override
    Optional<List<Replacement>> at(Plan plan, int index) {
      List<Step> norm = plan.steps().subList(index, index + 1);
      return Stream.of(Fused.Kernel.NORM_FORWARD, Fused.Kernel.NORM_BACKWARD)
          .filter(kernel -> kernel.fits(norm))
          .findFirst()
          .map(kernel -> new Fused(kernel, norm, norm.get(0).writes()))
          .map(by -> List.of(new Replacement(norm, by)));
    }
  };

  /**
   * Neighbouring steps and what may stand for them.
   *
   * @param steps as they are in the plan
   * @param by computes the same for everybody else
   */
  public record Replacement(List<Step> steps, Fused by) {
    public Replacement {
      steps = List.copyOf(steps);
    }
  }

  /** What may be replaced from that step on, all of it or nothing. */
  abstract Optional<List<Replacement>> at(Plan plan, int index);

  /**
   * The plan with the replacements that are wanted.
   *
   * @param wanted is asked for all that belong together
   */
  public Plan apply(Plan plan, Predicate<List<Replacement>> wanted) {
    Plan rewritten = plan;
    for (int i = 0; i < rewritten.steps().size(); i++) {
      Optional<List<Replacement>> replacements = at(rewritten, i).filter(wanted);
      if (replacements.isPresent()) {
        rewritten = replaced(rewritten, replacements.get());
      }
    }
    return rewritten;
  }

  private static Plan replaced(Plan plan, List<Replacement> replacements) {
    List<Step> steps = new ArrayList<>(plan.steps());
    for (Replacement replacement : replacements) {
      int at = Collections.indexOfSubList(steps, replacement.steps());
      steps.subList(at, at + replacement.steps().size()).clear();
      steps.add(at, replacement.by());
    }
    return plan.withSteps(steps);
  }

  private static Optional<List<Step>> steps(Plan plan, int from, int count) {
    return from + count <= plan.steps().size()
        ? Optional.of(plan.steps().subList(from, from + count))
        : Optional.empty();
  }

  private static List<Step> others(Plan plan, List<Step> replaced) {
    return plan.steps().stream().filter(step -> !replaced.contains(step)).toList();
  }

  /**
   * @param stored the parts whose activations the kernel can store; those of the last it always
   *     does
   */
  private static Optional<List<Replacement>> head(
      Plan plan, Fused.Kernel kernel, Optional<List<Step>> parts, int... stored) {
    return parts
        .filter(kernel::fits)
        .map(head -> new Replacement(head, fused(kernel, head, plan)))
        .filter(head -> stores(head, stored))
        .map(List::of);
  }

  /**
   * Whether of the activations what the last of these parts writes is stored, and nothing but what
   * they all write.
   */
  private static boolean stores(Replacement replacement, int... parts) {
    List<List<TensorSpec>> activations =
        Arrays.stream(parts)
            .mapToObj(part -> activations(replacement.steps().get(part).writes()))
            .toList();
    List<TensorSpec> stored = activations(replacement.by().writes());
    return stored.containsAll(activations.get(parts.length - 1))
        && activations.stream().flatMap(List::stream).toList().containsAll(stored);
  }

  private static List<TensorSpec> activations(List<TensorSpec> tensors) {
    return tensors.stream().filter(t -> t.role() == Role.ACTIVATION).toList();
  }

  /** All parts as one step. */
  private static Fused fused(Fused.Kernel kernel, List<Step> parts, Plan plan) {
    return fused(kernel, parts, plan, others(plan, parts));
  }

  /** Parts as one step, which stores what the others read, what is kept, and what lasts. */
  private static Fused fused(Fused.Kernel kernel, List<Step> parts, Plan plan, List<Step> others) {
    Set<TensorSpec> needed = new HashSet<>(plan.kept());
    others.forEach(step -> needed.addAll(step.reads()));
    List<TensorSpec> writes =
        parts.stream()
            .flatMap(part -> part.writes().stream())
            .filter(t -> t.role() != Role.ACTIVATION || needed.contains(t))
            .distinct()
            .toList();
    return new Fused(kernel, parts, writes);
  }

  private static Optional<List<Replacement>> ninBlock(Plan plan, List<Step> forward, int next) {
    List<Step> backward = backward(plan.steps().subList(next, plan.steps().size()), forward);
    if (backward.stream().anyMatch(s -> s instanceof ForwardStep || s instanceof Update)) {
      return Optional.empty();
    }
    List<Step> others =
        new ArrayList<>(others(plan, Stream.of(forward, backward).flatMap(List::stream).toList()));
    List<Replacement> replacements = new ArrayList<>();
    if (!backward.isEmpty()) {
      List<Step> parts = new ArrayList<>(backward);
      for (int i = 2; i >= 0; i--) {
        Step convolution = forward.get(i);
        if (parts.stream().anyMatch(part -> part.reads().containsAll(convolution.writes()))) {
          parts.add(0, convolution);
        }
      }
      Fused by = fused(Fused.Kernel.NIN_BLOCK_BACKWARD, parts, plan, others);
      replacements.add(new Replacement(backward, by));
      others.add(by);
    }
    Fused by = fused(Fused.Kernel.NIN_BLOCK_FORWARD, forward, plan, others);
    replacements.add(0, new Replacement(forward, by));
    boolean storesBetween =
        forward.subList(0, 3).stream().anyMatch(s -> by.writes().containsAll(s.writes()));
    return storesBetween ? Optional.empty() : Optional.of(List.copyOf(replacements));
  }

  /**
   * The steps, without a gap, from the gradient of a block's pool to that by its first
   * convolution's parameters: all that read what only the block's own layers do. Empty in
   * inference.
   */
  private static List<Step> backward(List<Step> later, List<Step> forward) {
    ConvolutionForward first = (ConvolutionForward) forward.get(0);
    MaxPoolForward pool = (MaxPoolForward) forward.get(3);
    Set<TensorSpec> own = new HashSet<>(pool.position().stream().toList());
    forward.subList(0, 3).forEach(step -> own.addAll(step.writes()));
    int from = later.size();
    int end = 0;
    for (int i = 0; i < later.size(); i++) {
      Step step = later.get(i);
      boolean masks =
          step instanceof ActivationBackward r
              && r.function() == Activation.RELU
              && r.output().equals(pool.output())
              && i + 1 < later.size()
              && later.get(i + 1) instanceof MaxPoolBackward p
              && p.outputGradient().equals(r.inputGradient());
      boolean ends =
          step instanceof ConvolutionBackwardFilter f
              && f.layer().equals(first.layer())
              && f.input().equals(first.input());
      if (masks || ends || step.reads().stream().anyMatch(own::contains)) {
        from = Math.min(from, i);
        end = i + 1;
      }
    }
    return from < end ? later.subList(from, end) : List.of();
  }
}
