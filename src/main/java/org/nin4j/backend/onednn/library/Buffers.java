package org.nin4j.backend.onednn.library;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.ShortBuffer;
import org.bytedeco.dnnl.memory;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.nin4j.backend.BackendException;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.PlacedPlan.Slot;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.text.Text;

/** Where a step's tensors lie in the arena. */
public final class Buffers {
  /** Primitives like their memory on cache lines; large pages like it on pages. */
  public static final long ALIGNMENT = 4096;

  private final Dnnl dnnl;
  private final PlacedPlan placed;
  private final BytePointer arena;
  private final int step;
  private final long residentAt;

  /**
   * @param arena its first byte
   * @param step index of the step in the plan, for its workspace and what it keeps
   */
  public Buffers(Dnnl dnnl, PlacedPlan placed, BytePointer arena, int step) {
    this(dnnl, placed, arena, step, 0);
  }

  private Buffers(Dnnl dnnl, PlacedPlan placed, BytePointer arena, int step, long residentAt) {
    this.dnnl = dnnl;
    this.placed = placed;
    this.arena = arena;
    this.step = step;
    this.residentAt = residentAt;
  }

  /**
   * Memory for an arena, from a page on.
   *
   * @param fill what each byte is
   * @throws BackendException if the machine does not give it
   */
  public static BytePointer arena(long bytes, int fill) {
    try {
      BytePointer whole = new BytePointer(bytes + ALIGNMENT);
      long gap = (ALIGNMENT - whole.address() % ALIGNMENT) % ALIGNMENT;
      BytePointer aligned = new BytePointer(whole.getPointer(gap));
      Pointer.memset(aligned, fill, bytes);
      return aligned;
    } catch (OutOfMemoryError e) {
      throw new BackendException(
          Text.of(
              "the plan needs %.2f GiB, which this machine does not give; use a smaller batch",
              bytes / (double) (1 << 30)),
          e);
    }
  }

  /**
   * What a parameter of the given number of bytes takes in its region, the gap to the next one
   * included.
   */
  public static long aligned(long bytes) {
    return (bytes + ALIGNMENT - 1) & -ALIGNMENT;
  }

  /**
   * The same, but what is kept begins after the given number of bytes that another operation keeps.
   */
  Buffers withOffset(long bytes) {
    return new Buffers(dnnl, placed, arena, step, residentAt + bytes);
  }

  public memory memory(TensorSpec tensor) {
    return memory(Dnnl.layoutOf(tensor), tensor);
  }

  /** A tensor's memory seen as something of the same size, such as a matrix. */
  public memory memory(memory.desc seenAs, TensorSpec tensor) {
    return dnnl.at(seenAs, pointer(placed.slot(tensor).offset()));
  }

  /** A part of a tensor's memory. */
  public memory part(memory.desc seenAs, TensorSpec tensor, long offset) {
    return dnnl.at(seenAs, pointer(placed.slot(tensor).offset() + offset));
  }

  /** Memory in the step's workspace. */
  public memory workspace(memory.desc desc, long offset) {
    return dnnl.at(desc, pointer(placed.workspaces().get(step).offset() + offset));
  }

  /** Memory that the step keeps. */
  public memory resident(memory.desc desc, long offset) {
    return dnnl.at(desc, pointer(placed.residents().get(step).offset() + residentAt + offset));
  }

  /** A tensor of at most 2³¹ − 1 bytes, in this machine's byte order. */
  public ByteBuffer bytes(TensorSpec tensor) {
    return bytes(placed.slot(tensor));
  }

  public FloatBuffer floats(TensorSpec tensor) {
    return bytes(tensor).asFloatBuffer();
  }

  /** The given number of bytes from a tensor on: a region of several. */
  public FloatBuffer floats(TensorSpec first, long bytes) {
    return bytes(new Slot(placed.slot(first).offset(), bytes)).asFloatBuffer();
  }

  public ShortBuffer shorts(TensorSpec tensor) {
    return bytes(tensor).asShortBuffer();
  }

  public IntBuffer ints(TensorSpec tensor) {
    return bytes(tensor).asIntBuffer();
  }

  /** Floats in the step's workspace. */
  public FloatBuffer workspaceFloats(long offset, long bytes) {
    return workspaceBytes(offset, bytes).asFloatBuffer();
  }

  /** Bytes in the step's workspace, at most 2³¹ − 1. */
  public ByteBuffer workspaceBytes(long offset, long bytes) {
    long begin = placed.workspaces().get(step).offset() + offset;
    return bytes(new Slot(begin, bytes));
  }

  public ByteBuffer residentBytes() {
    Slot whole = placed.residents().get(step);
    return bytes(new Slot(whole.offset() + residentAt, whole.bytes() - residentAt));
  }

  private ByteBuffer bytes(Slot slot) {
    BytePointer begin = new BytePointer(pointer(slot.offset()));
    return begin.capacity(slot.bytes()).asByteBuffer().order(ByteOrder.nativeOrder());
  }

  private Pointer pointer(long offset) {
    return arena.getPointer(offset);
  }
}
