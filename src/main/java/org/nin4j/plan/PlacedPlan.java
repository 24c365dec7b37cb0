package org.nin4j.plan;

import java.util.Map;
import java.util.NoSuchElementException;
import org.nin4j.plan.step.TensorSpec;

/**
 * A plan whose tensors have places in one arena.
 *
 * <p>The arena begins with the parameters side by side, then their gradients, then the optimizer's
 * state, each region in the same order with the same gaps, so that element i of one belongs to
 * element i of the others; then other state; then what the steps keep; then everything that comes
 * and goes, placed by lifetime.
 *
 * @param plan what is computed
 * @param tensors the place of each tensor
 * @param workspaces what a step needs while it runs, by its index in the plan; only where it is not
 *     0
 * @param residents what a step keeps between runs, by its index in the plan; only where it is not 0
 * @param parameterBytes size of the parameters' region, and of each of the regions beside it
 * @param bytes size of the arena
 */
public record PlacedPlan(
    Plan plan,
    Map<TensorSpec, Slot> tensors,
    Map<Integer, Slot> workspaces,
    Map<Integer, Slot> residents,
    long parameterBytes,
    long bytes) {

  /**
   * A part of the arena.
   *
   * @param offset bytes from its beginning
   * @param bytes size
   */
  public record Slot(long offset, long bytes) {}

  public PlacedPlan {
    tensors = Map.copyOf(tensors);
    workspaces = Map.copyOf(workspaces);
    residents = Map.copyOf(residents);
  }

  /** Where a tensor lies. */
  public Slot slot(TensorSpec tensor) {
    Slot slot = tensors.get(tensor);
    if (slot == null) {
      throw new NoSuchElementException("the plan has no tensor " + tensor);
    }
    return slot;
  }
}
