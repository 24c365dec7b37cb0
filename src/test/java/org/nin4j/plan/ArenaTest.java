package org.nin4j.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.nin4j.model.zoo.NetworkInNetwork;
import org.nin4j.model.zoo.NinVariant;
import org.nin4j.plan.rewrite.Fusion;
import org.nin4j.plan.step.ActivationBackward;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.FoldNorm;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.SgdUpdate;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.Shape;

class ArenaTest {
  private static final StorageRules RULES =
      new StorageRules() {
        @Override
        public long bytes(TensorSpec tensor) {
          return tensor.bytes();
        }

        @Override
        public long alignment() {
          return 256;
        }

        @Override
        public long workspace(Step step) {
          return step instanceof ConvolutionBackwardFilter ? 12_345 : 0;
        }

        @Override
        public long resident(Step step) {
          return step instanceof ConvolutionForward ? 777 : 0;
        }
      };

  private static Plan training() {
    BatchSpec images = BatchSpec.unit(Shape.of(1, 28, 28), 96, 96);
    Plan plan =
        Planner.plan(
            NetworkInNetwork.of(10),
            images,
            4,
            Precision.BF16,
            new Purpose.Training(new Sgd(0.9f, true, 5e-4f)));
    return Fusion.CONVOLUTION_RELU.apply(plan);
  }

  /** The same rules where some steps of any kind run on beside some of those after them. */
  private record Lasting(List<Integer> lasts) implements StorageRules {
    static Lasting random(Plan plan, long seed) {
      SplittableRandom random = new SplittableRandom(seed);
      int steps = plan.steps().size();
      return new Lasting(
          IntStream.range(0, steps)
              .map(i -> Math.min(steps - 1, i + Math.max(0, random.nextInt(12) - 6)))
              .boxed()
              .toList());
    }

    @Override
    public long bytes(TensorSpec tensor) {
      return RULES.bytes(tensor);
    }

    @Override
    public long alignment() {
      return RULES.alignment();
    }

    @Override
    public long workspace(Step step) {
      return RULES.workspace(step);
    }

    @Override
    public long resident(Step step) {
      return RULES.resident(step);
    }

    @Override
    public int lastConcurrentStep(int step) {
      return lasts.get(step);
    }
  }

  /** The first run computes it, the second reads it. */
  @Test
  void whatIsDerivedOnceIsNeverOverwritten() {
    Plan plan =
        Fusion.FOLD_NORM.apply(
            Planner.plan(
                NetworkInNetwork.withBatchNorm(10, NinVariant.PUBLISHED),
                BatchSpec.unit(Shape.of(1, 28, 28), 96, 96),
                4,
                Precision.FP32,
                new Purpose.Inference()));
    List<TensorSpec> kept = plan.steps(FoldNorm.class).map(FoldNorm::foldedBias).toList();
    assertTrue(kept.size() > 3, kept.toString());
    PlacedPlan placed = Arena.place(plan.keeping(kept), RULES);
    for (TensorSpec each : kept) {
      PlacedPlan.Slot slot = placed.slot(each);
      for (TensorSpec other : plan.tensors()) {
        if (!other.equals(each)) {
          PlacedPlan.Slot its = placed.slot(other);
          assertTrue(
              its.offset() >= slot.offset() + slot.bytes()
                  || slot.offset() >= its.offset() + its.bytes(),
              each + " and " + other);
        }
      }
    }
  }

  @Test
  void nothingIsOverwrittenBeforeItsLastUse() {
    Plan plan = training();
    assertEverythingIsKept(plan, RULES);
    long seed = System.nanoTime();
    System.out.println("random overlaps from seed " + seed);
    for (int i = 0; i < 50; i++) {
      assertEverythingIsKept(plan, Lasting.random(plan, seed + i));
    }
  }

  /** A gradient that is still read elsewhere is not written over in place. */
  @Test
  void aTensorInUseIsNotWrittenOver() {
    Plan plan = training();
    int relu = plan.steps().indexOf(plan.steps(ActivationBackward.class).findFirst().orElseThrow());
    Step.InPlace pair = plan.steps().get(relu).inPlace().orElseThrow();
    PlacedPlan apart = Arena.place(plan, RULES);
    assertEquals(apart.slot(pair.read()), apart.slot(pair.written()));
    List<Integer> lastConcurrentSteps =
        new ArrayList<>(IntStream.range(0, plan.steps().size()).boxed().toList());
    lastConcurrentSteps.set(relu - 1, relu); // the step that writes it
    PlacedPlan beside = Arena.place(plan, new Lasting(lastConcurrentSteps));
    assertNotEquals(beside.slot(pair.read()), beside.slot(pair.written()));
  }

  /**
   * Walks the steps with one owner for each byte: what a step reads, writes and works in must be
   * owned by itself until the last step beside it has begun to write.
   */
  private static void assertEverythingIsKept(Plan plan, StorageRules rules) {
    PlacedPlan placed = Arena.place(plan, rules);
    int page = 256;
    Map<Long, String> owner = new HashMap<>();
    for (TensorSpec tensor : plan.tensors()) {
      if (tensor.role() != Role.ACTIVATION) {
        own(owner, placed.slot(tensor), tensor.name(), page);
      }
    }
    placed.residents().forEach((i, slot) -> own(owner, slot, "resident " + i, page));
    for (int i = 0; i < plan.steps().size(); i++) {
      Step step = plan.steps().get(i);
      step.reads().forEach(t -> assertOwned(owner, placed.slot(t), t.name(), page));
      if (placed.workspaces().containsKey(i)) {
        own(owner, placed.workspaces().get(i), "workspace " + i, page);
        step.reads().forEach(t -> assertOwned(owner, placed.slot(t), t.name(), page));
      }
      for (TensorSpec written : step.writes()) {
        if (written.role() == Role.ACTIVATION) {
          own(owner, placed.slot(written), written.name(), page);
        }
      }
      for (int running = 0; running <= i; running++) {
        if (rules.lastConcurrentStep(running) >= i) {
          assertOwnsAll(owner, placed, running, page);
        }
      }
    }
    plan.kept().forEach(t -> assertOwned(owner, placed.slot(t), t.name(), page));
    for (int i : placed.residents().keySet()) {
      assertOwned(owner, placed.residents().get(i), "resident " + i, page);
    }
  }

  /** All but what the step has written over itself. */
  private static void assertOwnsAll(
      Map<Long, String> owner, PlacedPlan placed, int index, int page) {
    Step step = placed.plan().steps().get(index);
    step.writes().forEach(t -> assertOwned(owner, placed.slot(t), t.name(), page));
    step.reads().stream()
        .filter(
            t ->
                step.inPlace()
                    .filter(pair -> pair.read().equals(t))
                    .filter(pair -> placed.slot(pair.written()).equals(placed.slot(t)))
                    .isEmpty())
        .forEach(t -> assertOwned(owner, placed.slot(t), t.name(), page));
    if (placed.workspaces().containsKey(index)) {
      assertOwned(owner, placed.workspaces().get(index), "workspace " + index, page);
    }
  }

  private static void own(Map<Long, String> owner, PlacedPlan.Slot slot, String name, int page) {
    for (long p = slot.offset() / page; p * page < slot.offset() + slot.bytes(); p++) {
      owner.put(p, name);
    }
  }

  private static void assertOwned(
      Map<Long, String> owner, PlacedPlan.Slot slot, String name, int page) {
    for (long p = slot.offset() / page; p * page < slot.offset() + slot.bytes(); p++) {
      assertEquals(name, owner.get(p));
    }
  }

  @Test
  void sharingSavesMemoryAndStaysInside() {
    Plan plan = training();
    PlacedPlan placed = Arena.place(plan, RULES);
    long apart =
        plan.tensors().stream()
            .filter(t -> t.role() == Role.ACTIVATION)
            .mapToLong(RULES::bytes)
            .sum();
    long shared = placed.bytes() - 3 * placed.parameterBytes();
    assertTrue(shared < 0.75 * apart, shared + " of " + apart);
    for (PlacedPlan.Slot slot : placed.tensors().values()) {
      assertEquals(0, slot.offset() % 256);
      assertTrue(slot.offset() + slot.bytes() <= placed.bytes());
    }
  }

  @Test
  void regionsOfParametersMatchElementByElement() {
    Plan plan = training();
    PlacedPlan placed = Arena.place(plan, RULES);
    SgdUpdate update = plan.steps(SgdUpdate.class).findFirst().orElseThrow();
    List<TensorSpec> parameters = update.group().parameters();
    for (int i = 0; i < parameters.size(); i++) {
      long offset = placed.slot(parameters.get(i)).offset();
      assertEquals(
          offset + placed.parameterBytes(),
          placed.slot(update.group().gradients().get(i)).offset());
      assertEquals(
          offset + 2 * placed.parameterBytes(), placed.slot(update.velocities().get(i)).offset());
    }
  }

  @Test
  void reluGradientsTakeTheirPlace() {
    Plan plan = training();
    PlacedPlan placed = Arena.place(plan, RULES);
    plan.steps(ActivationBackward.class)
        .forEach(
            s ->
                assertEquals(
                    placed.slot(s.outputGradient()), placed.slot(s.inputGradient()), s.layer()));
  }
}
