package org.nin4j.backend.onednn.convolution;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.dnnl.memory;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Calls;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/**
 * An activation's samples in the type that a step computes in, some at a time: where they lie, or,
 * if they are stored in another type, as a copy in the step's workspace, small enough to stay in a
 * cache.
 */
final class Chunks {
  /** Floats that are worth a chunk: about what a core's caches hold. */
  private static final long FLOATS = 4L << 20;

  /** The most samples of the given number of floats each that fit and divide the batch. */
  static int samples(int batch, long floatsEach) {
    int chunk = (int) Math.max(1, Math.min(batch, FLOATS / floatsEach));
    while (batch % chunk != 0) {
      chunk--;
    }
    return chunk;
  }

  /**
   * What must be known of them before there is memory.
   *
   * @param chunk samples at a time, a divisor of the batch
   * @param type that the step computes in
   */
  record Spec(Dnnl dnnl, TensorSpec tensor, int chunk, DType type) {

    private boolean copied() {
      return tensor.type() != type;
    }

    int count() {
      return tensor.shape().dim(0) / chunk;
    }

    /** A chunk as it is stored. */
    private TensorSpec stored() {
      return part(tensor.type());
    }

    /** A chunk as the step computes with it. */
    TensorSpec computed() {
      return part(type);
    }

    private TensorSpec part(DType as) {
      Shape whole = tensor.shape();
      Shape shape = Shape.of(chunk, whole.dim(1), whole.dim(2), whole.dim(3));
      return new TensorSpec(tensor.name(), shape, as, tensor.role());
    }

    /** Bytes of workspace. */
    long workspace() {
      return copied() ? Calls.aligned(computed().bytes()) : 0;
    }

    /** Bytes of scratchpad for copies in both directions. */
    long scratchpad() {
      if (!copied()) {
        return 0;
      }
      memory.desc inMemory = Dnnl.layoutOf(stored());
      memory.desc copy = Dnnl.layoutOf(computed());
      return Math.max(
          Calls.reorderScratchpad(dnnl, inMemory, copy),
          Calls.reorderScratchpad(dnnl, copy, inMemory));
    }

    /**
     * Ties them to their memory.
     *
     * @param at where in the workspace the copy lies
     * @param scratchAt where its scratchpad lies
     */
    Chunks bind(Buffers buffers, long at, long scratchAt) {
      return new Chunks(this, buffers, at, scratchAt);
    }
  }

  private final Spec spec;
  private final Buffers buffers;
  private final long copyAt;
  private final int sampleElements;
  private final List<memory> memories = new ArrayList<>();
  private final List<Calls> fetches = new ArrayList<>();
  private final List<Calls> stores = new ArrayList<>();

  private Chunks(Spec spec, Buffers buffers, long copyAt, long scratchAt) {
    this.spec = spec;
    this.buffers = buffers;
    this.copyAt = copyAt;
    sampleElements = Math.toIntExact(spec.stored().shape().elements() / spec.chunk());
    for (int k = 0; k < spec.count(); k++) {
      long offset = k * spec.stored().bytes();
      memory own = buffers.part(Dnnl.layoutOf(spec.stored()), spec.tensor(), offset);
      if (spec.copied()) {
        memory copy = buffers.workspace(Dnnl.layoutOf(spec.computed()), copyAt);
        memories.add(copy);
        fetches.add(new Calls(spec.dnnl()).addReorder(own, copy, buffers, scratchAt));
        stores.add(new Calls(spec.dnnl()).addReorder(copy, own, buffers, scratchAt));
      } else {
        memories.add(own);
      }
    }
  }

  /** A chunk for a primitive. */
  memory memory(int k) {
    return memories.get(k);
  }

  /** The numbers of fp32 chunks for a loop; {@link #at} says where in them. */
  FloatBuffer floats() {
    return spec.copied()
        ? buffers.workspaceFloats(copyAt, spec.workspace())
        : buffers.floats(spec.tensor());
  }

  /** Where a sample of a chunk begins in {@link #floats}. */
  int at(int k, int sample) {
    return ((spec.copied() ? 0 : k * spec.chunk()) + sample) * sampleElements;
  }

  /** Makes the copy of a chunk, before it is read. */
  void fetch(int k) {
    if (spec.copied()) {
      fetches.get(k).execute();
    }
  }

  /** Puts a chunk back after it was written. */
  void store(int k) {
    if (spec.copied()) {
      stores.get(k).execute();
    }
  }
}
