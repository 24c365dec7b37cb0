package org.nin4j.backend.onednn.convolution;

import org.bytedeco.dnnl.memory;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Calls;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/**
 * A convolution's fp32 weights in the layout and type that a step computes with.
 *
 * @param weight where they lie
 * @param shape theirs, with the groups as an axis if there are any
 * @param constant whether no step changes them: then the result is kept, and made anew only when
 *     other values are written
 * @param rounded whether they are rounded to bf16 on the way to fp32, as where activations are bf16
 *     but multiplied as fp32
 */
record Filters(Dnnl dnnl, TensorSpec weight, Shape shape, boolean constant, boolean rounded) {
  private memory.desc narrow() {
    return Dnnl.plain(shape, DType.BF16);
  }

  private memory.desc plain() {
    return Dnnl.plain(shape, DType.F32);
  }

  private long narrowBytes() {
    return Calls.aligned(narrow().get_size());
  }

  /** Bytes of workspace on the way to weights as {@code wanted}, and for them if not kept. */
  long workspace(memory.desc wanted) {
    return (rounded ? narrowBytes() : 0) + (constant ? 0 : Calls.aligned(wanted.get_size()));
  }

  /** Bytes that are kept for the weights as {@code wanted}. */
  long resident(memory.desc wanted) {
    return constant ? Calls.aligned(wanted.get_size()) : 0;
  }

  /** Bytes of scratchpad. */
  long scratchpad(memory.desc wanted) {
    return rounded
        ? Math.max(
            Calls.reorderScratchpad(dnnl, plain(), narrow()),
            Calls.reorderScratchpad(dnnl, narrow(), wanted))
        : Calls.reorderScratchpad(dnnl, plain(), wanted);
  }

  /**
   * Where the weights are as {@code wanted}.
   *
   * @param at where the workspace for them begins
   */
  memory memory(Buffers buffers, memory.desc wanted, long at) {
    return constant
        ? buffers.resident(wanted, 0)
        : buffers.workspace(wanted, at + (rounded ? narrowBytes() : 0));
  }

  /**
   * Adds the copies to a step's calls.
   *
   * @param to where the weights are to be
   * @param at where the workspace for them begins
   * @param scratchAt where the scratchpad lies
   */
  void add(Calls calls, Buffers buffers, memory to, long at, long scratchAt) {
    memory stored = buffers.memory(plain(), weight);
    if (!rounded) {
      calls.addReorder(stored, to, buffers, scratchAt);
      return;
    }
    memory narrow = buffers.workspace(narrow(), at);
    calls.addReorder(stored, narrow, buffers, scratchAt);
    calls.addReorder(narrow, to, buffers, scratchAt);
  }
}
