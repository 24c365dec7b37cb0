package org.nin4j.plan;

import org.nin4j.tensor.DType;

/**
 * Which tensors of a plan have fewer bits. Parameters, their gradients, the optimizer's state,
 * logits and the loss are fp32 always.
 */
public enum Precision {
  /** Everything fp32, multiplied as fp32. */
  FP32(DType.F32),
  /** Everything stored as fp32; matrix units may round the factors to 10 fraction bits. */
  TF32(DType.F32),
  /** Activations and their gradients stored as bfloat16, multiplied as such, summed as fp32. */
  BF16(DType.BF16);

  private final DType activations;

  Precision(DType activations) {
    this.activations = activations;
  }

  /** The type of activations and of their gradients. */
  public DType activations() {
    return activations;
  }
}
