package org.nin4j.backend.cuda.session;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.nin4j.model.zoo.NetworkInNetwork;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.rewrite.Fusion;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.SgdUpdate;
import org.nin4j.plan.step.Step;
import org.nin4j.tensor.Shape;

class BranchesTest {
  private static Plan plan(Purpose purpose) {
    BatchSpec images = BatchSpec.unit(Shape.of(1, 28, 28), 96, 96);
    Plan plan = Planner.plan(NetworkInNetwork.of(10), images, 4, Precision.BF16, purpose);
    for (Fusion fusion :
        List.of(Fusion.CONVOLUTION_RELU, Fusion.RELU_AFTER_POOL, Fusion.RELU_BIAS_GRADIENT)) {
      plan = fusion.apply(plan);
    }
    return plan;
  }

  private static List<Integer> filters(Plan plan) {
    List<Integer> filters = new ArrayList<>();
    for (int i = 0; i < plan.steps().size(); i++) {
      if (plan.steps().get(i) instanceof ConvolutionBackwardFilter) {
        filters.add(i);
      }
    }
    return filters;
  }

  /** Twelve convolutions; after the first one's gradient, the last of all, comes the update. */
  @Test
  void aFilterGradientLastsUntilTheNext() {
    Plan plan = plan(new Purpose.Training(Sgd.PLAIN));
    Branches branches = Branches.of(plan);
    List<Integer> filters = filters(plan);
    assertEquals(12, filters.size());
    for (int k = 0; k < filters.size() - 1; k++) {
      assertTrue(branches.forks(filters.get(k)));
      assertEquals(filters.get(k + 1) - 1, branches.lastConcurrentSteps().get(filters.get(k)));
      assertTrue(branches.joins(filters.get(k + 1)));
    }
    int last = filters.get(11);
    assertTrue(plan.steps().get(last + 1) instanceof SgdUpdate);
    assertFalse(branches.forks(last));
    int forked = 0;
    int joined = 0;
    for (int i = 0; i <= plan.steps().size(); i++) {
      forked += branches.forks(i) ? 1 : 0;
      joined += branches.joins(i) ? 1 : 0;
    }
    assertEquals(11, forked);
    assertEquals(11, joined);
  }

  @Test
  void whatReadsTheGradientWaitsForIt() {
    Plan plan = plan(new Purpose.Training(Sgd.PLAIN));
    Step update = plan.steps(SgdUpdate.class).findFirst().orElseThrow();
    List<Step> steps = new ArrayList<>(plan.steps());
    steps.remove(update);
    int first = filters(plan).get(0);
    steps.add(first + 2, update);
    Branches branches = Branches.of(plan.withSteps(steps));
    assertEquals(first + 1, branches.lastConcurrentSteps().get(first));
    assertTrue(branches.joins(first + 2));
  }

  /** Without an update the end joins. */
  @Test
  void theEndWaitsToo() {
    Plan plan = plan(new Purpose.Training(Sgd.PLAIN));
    int first = filters(plan).get(0);
    Plan part = plan.withSteps(plan.steps().subList(first, first + 2));
    Branches branches = Branches.of(part);
    assertEquals(List.of(1, 1), branches.lastConcurrentSteps());
    assertFalse(branches.joins(1));
    assertTrue(branches.joins(2));
    assertFalse(branches.forks(2));
  }

  @Test
  void inferenceAndOneStreamHaveNone() {
    Plan inference = plan(new Purpose.Inference());
    assertEquals(Branches.none(inference), Branches.of(inference));
    Branches none = Branches.none(plan(new Purpose.Training(Sgd.PLAIN)));
    for (int i = 0; i <= none.lastConcurrentSteps().size(); i++) {
      assertFalse(none.forks(i) || none.joins(i));
    }
  }

  @Test
  void noStepEndsBeforeItself() {
    assertThrows(IllegalArgumentException.class, () -> new Branches(List.of(0, 0)));
    assertThrows(IllegalArgumentException.class, () -> new Branches(List.of(0, 2)));
  }
}
