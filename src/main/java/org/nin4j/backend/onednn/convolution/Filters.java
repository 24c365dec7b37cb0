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
 * @param rounded whether they are rounded to bf16 on the way to fp32, as where activations are bf16
 *     but multiplied as fp32
 */
record Filters(Dnnl dnnl, TensorSpec weight, Shape shape, boolean rounded) {
  private memory.desc narrow() {
    return Dnnl.plain(shape, DType.BF16);
  }

  private memory.desc plain() {
    return Dnnl.plain(shape, DType.F32);
  }

  private long narrowBytes() {
    return Calls.aligned(narrow().get_size());
  }

  /** Bytes of workspace for the weights as {@code wanted}. */
  long workspace(memory.desc wanted) {
    return (rounded() ? narrowBytes() : 0) + Calls.aligned(wanted.get_size());
  }

  /** Bytes of scratchpad. */
  long scratchpad(memory.desc wanted) {
    return rounded()
        ? Math.max(
            Calls.reorderScratchpad(dnnl, plain(), narrow()),
            Calls.reorderScratchpad(dnnl, narrow(), wanted))
        : Calls.reorderScratchpad(dnnl, plain(), wanted);
  }

  /**
   * Adds the copies to a step's calls.
   *
   * @param wanted layout and type
   * @param at where in the workspace
   * @param scratchAt where the scratchpad lies
   * @return where the weights are then
   */
  memory add(Calls calls, Buffers buffers, memory.desc wanted, long at, long scratchAt) {
    if (!rounded()) {
      memory reordered = buffers.workspace(wanted, at);
      calls.addReorder(buffers.memory(plain(), weight), reordered, buffers, scratchAt);
      return reordered;
    }
    memory narrow = buffers.workspace(narrow(), at);
    memory reordered = buffers.workspace(wanted, at + narrowBytes());
    calls.addReorder(buffers.memory(plain(), weight), narrow, buffers, scratchAt);
    calls.addReorder(narrow, reordered, buffers, scratchAt);
    return reordered;
  }
}
