package org.nin4j.backend.cuda.session;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.nin4j.plan.Plan;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.Step;
import org.nin4j.text.Text;

/**
 * Which steps of a plan run on the second stream, beside those after them: filter gradients, which
 * nothing but the update waits for. The second stream takes one at a time; the first waits for it
 * where the next one begins or something touches what it computes.
 *
 * @param lastConcurrentSteps for each step the last one that may run while it still does: itself,
 *     unless it is on the second stream
 */
public record Branches(List<Integer> lastConcurrentSteps) {
  public Branches {
    lastConcurrentSteps = List.copyOf(lastConcurrentSteps);
    for (int i = 0; i < lastConcurrentSteps.size(); i++) {
      if (lastConcurrentSteps.get(i) < i
          || lastConcurrentSteps.get(i) >= lastConcurrentSteps.size()) {
        throw new IllegalArgumentException(
            Text.of("step %d lasts to %d", i, lastConcurrentSteps.get(i)));
      }
    }
  }

  /** All steps one after the other. */
  public static Branches none(Plan plan) {
    return new Branches(IntStream.range(0, plan.steps().size()).boxed().toList());
  }

  /** Every filter gradient that something can run beside. */
  public static Branches of(Plan plan) {
    List<Step> steps = plan.steps();
    List<Integer> lastConcurrentSteps = new ArrayList<>();
    for (int i = 0; i < steps.size(); i++) {
      int last = i;
      if (steps.get(i) instanceof ConvolutionBackwardFilter filter) {
        while (last + 1 < steps.size() && canRunBeside(filter, steps.get(last + 1))) {
          last++;
        }
      }
      lastConcurrentSteps.add(last);
    }
    return new Branches(lastConcurrentSteps);
  }

  private static boolean canRunBeside(ConvolutionBackwardFilter filter, Step other) {
    return !(other instanceof ConvolutionBackwardFilter)
        && Collections.disjoint(other.reads(), filter.writes())
        && Collections.disjoint(other.writes(), filter.writes())
        && Collections.disjoint(other.writes(), filter.reads());
  }

  /** Whether the step goes to the second stream; what comes after the plan does not. */
  boolean forks(int step) {
    return step < lastConcurrentSteps.size() && lastConcurrentSteps.get(step) > step;
  }

  /**
   * Whether the first stream waits for the second before this step, or before what comes after the
   * plan.
   */
  boolean joins(int step) {
    return IntStream.range(0, step)
        .anyMatch(i -> forks(i) && lastConcurrentSteps.get(i) == step - 1);
  }
}
