package org.nin4j.backend.reference;

import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.CheckedSession;
import org.nin4j.backend.Session;
import org.nin4j.plan.Arena;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;
import org.nin4j.plan.StepOrder;
import org.nin4j.plan.StorageRules;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.text.Text;

/**
 * Runs every kind of step with plain loops. Every element, of whatever type the plan gives it, is
 * kept as a float, so a bf16 plan gives the result that bf16 approximates.
 */
public final class ReferenceBackend implements Backend {
  private static final StorageRules RULES =
      new StorageRules() {
        @Override
        public long bytes(TensorSpec tensor) {
          return tensor.shape().elements() * Float.BYTES;
        }

        @Override
        public long alignment() {
          return Float.BYTES;
        }
      };

  @Override
  public String name() {
    return "reference";
  }

  @Override
  public boolean computesIn(Precision precision) {
    return precision == Precision.FP32;
  }

  @Override
  public String description() {
    return "reference loops in Java, one thread";
  }

  @Override
  public PlacedPlan prepare(Plan plan) {
    return Arena.place(StepOrder.forMemory(plan, RULES), RULES);
  }

  @Override
  public Session bind(PlacedPlan plan) {
    long floats = plan.bytes() / Float.BYTES;
    if (floats > Integer.MAX_VALUE - 8) {
      throw new BackendException(
          Text.of(
              "the reference backend holds at most 8 GiB, and this plan needs %.1f; use a smaller batch",
              plan.bytes() / (double) (1 << 30)));
    }
    return new CheckedSession(new ReferenceSession(plan, (int) floats));
  }

  @Override
  public void close() {}
}
