package org.nin4j.backend.onednn.library;

import java.util.function.Function;
import org.nin4j.plan.StorageRules;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;

/**
 * What steps need beside their tensors, asked of the operations and so of the primitives
 * themselves.
 */
public record OperationStorage(Function<Step, Operation> operations) implements StorageRules {
  @Override
  public long bytes(TensorSpec tensor) {
    return tensor.bytes();
  }

  @Override
  public long alignment() {
    return Buffers.ALIGNMENT;
  }

  @Override
  public long workspace(Step step) {
    return operations.apply(step).workspace();
  }

  @Override
  public long resident(Step step) {
    return operations.apply(step).resident();
  }
}
