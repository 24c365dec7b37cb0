package org.nin4j.backend.onednn;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.ShortBuffer;
import org.bytedeco.dnnl.memory;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.PlacedPlan.Place;
import org.nin4j.plan.TensorSpec;

/** Where a step's tensors lie in the arena. */
final class Places {
  /** Primitives like their memory on cache lines; large pages like it on pages. */
  static final long ALIGNMENT = 4096;

  private final Dnnl dnnl;
  private final PlacedPlan placed;
  private final BytePointer arena;
  private final int step;
  private final long residentAt;

  /**
   * @param arena its first byte
   * @param step index of the step in the plan, for its workspace and what it keeps
   */
  Places(Dnnl dnnl, PlacedPlan placed, BytePointer arena, int step) {
    this(dnnl, placed, arena, step, 0);
  }

  private Places(Dnnl dnnl, PlacedPlan placed, BytePointer arena, int step, long residentAt) {
    this.dnnl = dnnl;
    this.placed = placed;
    this.arena = arena;
    this.step = step;
    this.residentAt = residentAt;
  }

  /** What a parameter of so many bytes takes in its region, the gap to the next one included. */
  static long aligned(long bytes) {
    return (bytes + ALIGNMENT - 1) & -ALIGNMENT;
  }

  /** The same, but what is kept begins behind so many bytes that another operation keeps. */
  Places keepingBehind(long bytes) {
    return new Places(dnnl, placed, arena, step, residentAt + bytes);
  }

  memory memory(TensorSpec tensor) {
    return memory(Dnnl.laid(tensor), tensor);
  }

  /** A tensor's memory seen as something of the same size, such as a matrix. */
  memory memory(memory.desc seenAs, TensorSpec tensor) {
    return dnnl.at(seenAs, pointer(placed.place(tensor).offset()));
  }

  /** A part of a tensor's memory. */
  memory part(memory.desc seenAs, TensorSpec tensor, long offset) {
    return dnnl.at(seenAs, pointer(placed.place(tensor).offset() + offset));
  }

  /** Memory in the step's workspace. */
  memory workspace(memory.desc desc, long offset) {
    return dnnl.at(desc, pointer(placed.workspaces().get(step).offset() + offset));
  }

  /** Memory that the step keeps. */
  memory resident(memory.desc desc, long offset) {
    return dnnl.at(desc, pointer(placed.residents().get(step).offset() + residentAt + offset));
  }

  FloatBuffer floats(TensorSpec tensor) {
    return bytes(tensor).asFloatBuffer();
  }

  ShortBuffer shorts(TensorSpec tensor) {
    return bytes(tensor).asShortBuffer();
  }

  IntBuffer ints(TensorSpec tensor) {
    return bytes(tensor).asIntBuffer();
  }

  /** Floats in the step's workspace. */
  FloatBuffer workspaceFloats(long offset, long bytes) {
    long begin = placed.workspaces().get(step).offset() + offset;
    return bytes(new Place(begin, bytes)).asFloatBuffer();
  }

  ByteBuffer residentBytes() {
    Place whole = placed.residents().get(step);
    return bytes(new Place(whole.offset() + residentAt, whole.bytes() - residentAt));
  }

  private ByteBuffer bytes(TensorSpec tensor) {
    return bytes(placed.place(tensor));
  }

  private ByteBuffer bytes(Place place) {
    BytePointer begin = new BytePointer(pointer(place.offset()));
    return begin.capacity(place.bytes()).asByteBuffer().order(ByteOrder.nativeOrder());
  }

  private Pointer pointer(long offset) {
    return arena.getPointer(offset);
  }
}
