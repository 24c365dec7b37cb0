package org.nin4j.backend.cuda;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.nin4j.plan.ConvolutionBackwardFilter;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Step;

/**
 * Which steps of a plan run on the second stream, beside those behind them: filter gradients, which
 * nothing but the update waits for. The second stream takes one at a time; the first waits for it
 * where the next one begins or something touches what it computes.
 *
 * @param lasts for each step the last one that may run while it still does: itself, unless it is on
 *     the second stream
 */
record Branches(List<Integer> lasts) {
  Branches {
    lasts = List.copyOf(lasts);
    for (int i = 0; i < lasts.size(); i++) {
      if (lasts.get(i) < i || lasts.get(i) >= lasts.size()) {
        throw new IllegalArgumentException("step %d lasts to %d".formatted(i, lasts.get(i)));
      }
    }
  }

  /** All steps one after the other. */
  static Branches none(Plan plan) {
    return new Branches(IntStream.range(0, plan.steps().size()).boxed().toList());
  }

  /** Every filter gradient that something can run beside. */
  static Branches of(Plan plan) {
    List<Step> steps = plan.steps();
    List<Integer> lasts = new ArrayList<>();
    for (int i = 0; i < steps.size(); i++) {
      int last = i;
      if (steps.get(i) instanceof ConvolutionBackwardFilter filter) {
        while (last + 1 < steps.size() && canRunBeside(filter, steps.get(last + 1))) {
          last++;
        }
      }
      lasts.add(last);
    }
    return new Branches(lasts);
  }

  private static boolean canRunBeside(ConvolutionBackwardFilter filter, Step other) {
    return !(other instanceof ConvolutionBackwardFilter)
        && Collections.disjoint(other.reads(), filter.writes())
        && Collections.disjoint(other.writes(), filter.writes())
        && Collections.disjoint(other.writes(), filter.reads());
  }

  /** Whether the step goes to the second stream; what stands behind the plan does not. */
  boolean forks(int step) {
    return step < lasts.size() && lasts.get(step) > step;
  }

  /**
   * Whether the first stream waits for the second before this step, or before what stands behind
   * the plan.
   */
  boolean joins(int step) {
    return IntStream.range(0, step).anyMatch(i -> forks(i) && lasts.get(i) == step - 1);
  }
}
