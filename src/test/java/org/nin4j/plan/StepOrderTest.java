package org.nin4j.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.nin4j.model.Network;
import org.nin4j.model.zoo.DenseNet;
import org.nin4j.model.zoo.GoogLeNet;
import org.nin4j.model.zoo.LeNet;
import org.nin4j.model.zoo.ResNet;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.ConcatBackward;
import org.nin4j.plan.step.ConcatForward;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

class StepOrderTest {
  private static final StorageRules PLAIN =
      new StorageRules() {
        @Override
        public long bytes(TensorSpec tensor) {
          return tensor.bytes();
        }

        @Override
        public long alignment() {
          return 4;
        }
      };

  private static TensorSpec tensor(int number, int channels) {
    return new TensorSpec("t" + number, Shape.of(1, channels), DType.F32, Role.ACTIVATION);
  }

  /** Steps that each join up to three earlier results, a few of which shrink to one channel. */
  private static Plan random(Random random, int count) {
    List<TensorSpec> made = new ArrayList<>();
    List<Step> steps = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      List<TensorSpec> inputs = new ArrayList<>();
      for (int k = 0; k <= random.nextInt(3) && !made.isEmpty(); k++) {
        inputs.add(made.get(random.nextInt(made.size())));
      }
      int channels = 1 + random.nextInt(40);
      TensorSpec output = tensor(i, channels);
      if (inputs.isEmpty()) {
        steps.add(new ConcatForward("s" + i, List.of(tensor(1000 + i, channels)), output));
      } else {
        TensorSpec from = inputs.get(0);
        List<ConcatBackward.Slice> slices = new ArrayList<>();
        output = tensor(i, 1 + random.nextInt(from.shape().dim(1)));
        slices.add(new ConcatBackward.Slice(0, output));
        steps.add(new ConcatBackward("s" + i, from, slices));
      }
      made.add(output);
      if (inputs.size() > 1) {
        int sum = inputs.stream().mapToInt(t -> t.shape().dim(1)).sum();
        TensorSpec joined = tensor(100 + i, sum);
        steps.add(new ConcatForward("j" + i, inputs, joined));
        made.add(joined);
      }
    }
    return new Plan("random", 1, Precision.FP32, steps, Set.of(made.get(made.size() - 1)));
  }

  /** Tries every order. */
  private static long bruteForce(Plan plan) {
    long[] best = {Long.MAX_VALUE};
    permute(plan, new ArrayList<>(), best);
    return best[0];
  }

  private static void permute(Plan plan, List<Step> done, long[] best) {
    if (done.size() == plan.steps().size()) {
      best[0] = Math.min(best[0], StepOrder.peak(plan.withSteps(done), PLAIN));
      return;
    }
    Set<TensorSpec> written = new HashSet<>();
    done.forEach(s -> written.addAll(s.writes()));
    Set<TensorSpec> needed = new HashSet<>();
    plan.steps().forEach(s -> needed.addAll(s.writes()));
    for (Step step : plan.steps()) {
      boolean ready =
          step.reads().stream().allMatch(t -> !needed.contains(t) || written.contains(t));
      if (!done.contains(step) && ready) {
        done.add(step);
        permute(plan, done, best);
        done.remove(done.size() - 1);
      }
    }
  }

  @Test
  void theOrderIsAsGoodAsTheBestOfAll() {
    long seed = System.nanoTime();
    System.out.println("random plans from seed " + seed);
    for (int i = 0; i < 40; i++) {
      Plan plan = random(new Random(seed + i), 5);
      if (plan.steps().size() > 8) {
        continue;
      }
      Plan ordered = StepOrder.forMemory(plan, PLAIN);
      long best = bruteForce(plan);
      long reached = StepOrder.peak(ordered, PLAIN);
      assertTrue(reached <= 1.011 * best, reached + " bytes instead of " + best);
      assertEquals(new HashSet<>(plan.steps()), new HashSet<>(ordered.steps()));
    }
  }

  /** Two large tensors from one, of each of which a little is kept: one at a time is enough. */
  @Test
  void whatShrinksIsShrunkBeforeTheNextIsMade() {
    List<Step> steps = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      steps.add(new ConcatForward("large" + i, List.of(tensor(1000, 100)), tensor(10 + i, 100)));
    }
    for (int i = 0; i < 2; i++) {
      steps.add(
          new ConcatBackward(
              "small" + i,
              tensor(10 + i, 100),
              List.of(new ConcatBackward.Slice(0, tensor(20 + i, 1)))));
    }
    Plan plan = new Plan("two", 1, Precision.FP32, steps, Set.of(tensor(20, 1), tensor(21, 1)));
    Plan ordered = StepOrder.forMemory(plan, PLAIN);
    assertEquals(
        List.of("large0", "small0", "large1", "small1"),
        ordered.steps().stream().map(Step::layer).toList());
    assertTrue(StepOrder.peak(ordered, PLAIN) < StepOrder.peak(plan, PLAIN));
  }

  /** Whatever order a plan comes in, little is left to gain. */
  @Test
  void networksWithBranchesNeedLittleMoreThanTheBestKnown() {
    for (Network network : List.of(GoogLeNet.of(10), ResNet.eighteen(10), DenseNet.of(10))) {
      for (Purpose purpose : List.of(new Purpose.Inference(), new Purpose.Training(Sgd.PLAIN))) {
        BatchSpec images = BatchSpec.unit(Shape.of(1, 28, 28), 96, 96);
        Plan plan = Planner.plan(network, images, 8, Precision.FP32, purpose);
        long chosen = StepOrder.peak(StepOrder.forMemory(plan, PLAIN), PLAIN);
        long known = StepOrder.leastPeak(plan, PLAIN, 300);
        System.out.printf(
            Locale.ROOT,
            "%s, %s: as described %d bytes, chosen %d, best known %d%n",
            network.name(),
            purpose.getClass().getSimpleName(),
            StepOrder.peak(plan, PLAIN),
            chosen,
            known);
        assertTrue(chosen <= 1.05 * known, network.name() + ": " + chosen + " of " + known);
        long arena = Arena.place(StepOrder.forMemory(plan, PLAIN), PLAIN).bytes();
        long fixed =
            plan.tensors().stream()
                .filter(t -> t.role() != Role.ACTIVATION)
                .mapToLong(TensorSpec::bytes)
                .sum();
        assertTrue(
            arena - fixed <= 1.05 * Math.max(known, chosen),
            Text.of("the arena takes %d for activations of %d", arena - fixed, chosen));
      }
    }
  }

  @Test
  void aChainKeepsItsOrder() {
    BatchSpec images = BatchSpec.unit(Shape.of(1, 28, 28), 28, 28);
    Plan plan = Planner.plan(LeNet.of(10), images, 4, Precision.FP32, new Purpose.Inference());
    assertSame(plan, StepOrder.forMemory(plan, PLAIN));
  }
}
