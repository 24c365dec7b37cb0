package org.nin4j.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.nin4j.model.Networks;
import org.nin4j.plan.TensorSpec.Role;
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
            Networks.nin(10),
            images,
            4,
            Precision.BF16,
            new Purpose.Training(new Sgd(0.9f, true, 5e-4f)));
    return Fusion.CONVOLUTION_RELU.apply(plan);
  }

  /**
   * Walks the steps with one owner for each byte: what a step reads must still be owned by the
   * tensor that wrote it.
   */
  @Test
  void nothingIsOverwrittenBeforeItsLastUse() {
    Plan plan = training();
    PlacedPlan placed = Arena.place(plan, RULES);
    int page = 256;
    Map<Long, String> owner = new HashMap<>();
    for (TensorSpec tensor : plan.tensors()) {
      if (tensor.role() != Role.ACTIVATION) {
        own(owner, placed.place(tensor), tensor.name(), page);
      }
    }
    placed.residents().forEach((i, place) -> own(owner, place, "resident " + i, page));
    for (int i = 0; i < plan.steps().size(); i++) {
      Step step = plan.steps().get(i);
      for (TensorSpec read : step.reads()) {
        PlacedPlan.Place place = placed.place(read);
        for (long p = place.offset() / page; p * page < place.offset() + place.bytes(); p++) {
          assertEquals(read.name(), owner.get(p), "step " + i + " " + step.kind());
        }
      }
      if (placed.workspaces().containsKey(i)) {
        own(owner, placed.workspaces().get(i), "workspace " + i, page);
        step.reads().forEach(t -> assertOwned(owner, placed.place(t), t.name(), page));
      }
      for (TensorSpec written : step.writes()) {
        if (written.role() == Role.ACTIVATION) {
          own(owner, placed.place(written), written.name(), page);
        }
      }
    }
    plan.kept().forEach(t -> assertOwned(owner, placed.place(t), t.name(), page));
    for (int i : placed.residents().keySet()) {
      assertOwned(owner, placed.residents().get(i), "resident " + i, page);
    }
  }

  private static void own(Map<Long, String> owner, PlacedPlan.Place place, String name, int page) {
    for (long p = place.offset() / page; p * page < place.offset() + place.bytes(); p++) {
      owner.put(p, name);
    }
  }

  private static void assertOwned(
      Map<Long, String> owner, PlacedPlan.Place place, String name, int page) {
    for (long p = place.offset() / page; p * page < place.offset() + place.bytes(); p++) {
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
    for (PlacedPlan.Place place : placed.tensors().values()) {
      assertEquals(0, place.offset() % 256);
      assertTrue(place.offset() + place.bytes() <= placed.bytes());
    }
  }

  @Test
  void regionsOfParametersMatchElementByElement() {
    Plan plan = training();
    PlacedPlan placed = Arena.place(plan, RULES);
    SgdUpdate update = plan.steps(SgdUpdate.class).findFirst().orElseThrow();
    List<TensorSpec> parameters = update.parameters();
    for (int i = 0; i < parameters.size(); i++) {
      long offset = placed.place(parameters.get(i)).offset();
      assertEquals(
          offset + placed.parameterBytes(), placed.place(update.gradients().get(i)).offset());
      assertEquals(
          offset + 2 * placed.parameterBytes(), placed.place(update.velocities().get(i)).offset());
    }
  }

  @Test
  void reluGradientsTakeTheirPlace() {
    Plan plan = training();
    PlacedPlan placed = Arena.place(plan, RULES);
    plan.steps(ReluBackward.class)
        .forEach(
            s ->
                assertEquals(
                    placed.place(s.outputGradient()), placed.place(s.inputGradient()), s.layer()));
  }
}
