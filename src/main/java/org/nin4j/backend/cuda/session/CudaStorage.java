package org.nin4j.backend.cuda.session;

import java.util.Optional;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.backend.cuda.step.Operations;
import org.nin4j.backend.cuda.step.SampleCount;
import org.nin4j.plan.Plan;
import org.nin4j.plan.StorageRules;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;

/**
 * Sizes of one plan's things on the device. The first step that reads parameters in bf16 holds the
 * bf16 copy of all of them, laid out like the parameters themselves at half the offsets, after what
 * it keeps for itself.
 */
public final class CudaStorage implements StorageRules {
  private final Plan plan;
  private final SampleCount count;
  private final Operations operations;
  private final Branches branches;
  private final Optional<Step> holderOfCopy;

  /**
   * @param count how many samples the sizes are for
   * @param operations how the plan's steps are computed
   * @param branches what runs beside what
   */
  public CudaStorage(Plan plan, SampleCount count, Operations operations, Branches branches) {
    this.plan = plan;
    this.count = count;
    this.operations = operations;
    this.branches = branches;
    this.holderOfCopy = operations.holderOfCopy().stream().mapToObj(plan.steps()::get).findFirst();
  }

  @Override
  public long bytes(TensorSpec tensor) {
    return tensor.role() == Role.ACTIVATION
        ? count.elements(tensor) * tensor.type().bytes()
        : tensor.bytes();
  }

  @Override
  public long alignment() {
    return Kernels.ALIGNMENT;
  }

  @Override
  public long resident(Step step) {
    long own = operations.of(step).resident();
    return holderOfCopy.filter(step::equals).isPresent() ? Kernels.align(own) + copyBytes() : own;
  }

  private long copyBytes() {
    return plan.tensors(Role.PARAMETER).stream().mapToLong(t -> Kernels.align(t.bytes())).sum() / 2;
  }

  @Override
  public long workspace(Step step) {
    return operations.of(step).workspace(count);
  }

  @Override
  public int lastConcurrentStep(int step) {
    return branches.lastConcurrentSteps().get(step);
  }
}
