package org.nin4j.backend.cuda.step;

import java.util.ArrayList;
import java.util.List;
import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.device.Scope;
import org.nin4j.backend.cuda.device.Work;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.PlacedPlan.Slot;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;
import org.nin4j.text.Text;

/**
 * The work of one step while it is put together: hands out addresses and scratch memory, and
 * collects launches and calls.
 */
public final class Assembly {
  /** Where there is nothing: the null that a kernel may be passed. */
  static final CUdeviceptr NONE = new CUdeviceptr();

  private final Scope owner;
  private final KernelLibrary kernels;
  private final SessionMemory memory;
  private final RunInputs inputs;
  private final int index;
  private final Slot scratch;
  private long used;
  private final List<Work> works = new ArrayList<>();

  /**
   * @param owner closes what the work needs
   * @param index the step's place in the plan
   */
  public Assembly(
      Scope owner, KernelLibrary kernels, SessionMemory memory, RunInputs inputs, int index) {
    this.owner = owner;
    this.kernels = kernels;
    this.memory = memory;
    this.inputs = inputs;
    this.index = index;
    this.scratch = memory.placed().workspaces().getOrDefault(index, new Slot(0, 0));
  }

  Scope owner() {
    return owner;
  }

  KernelLibrary kernels() {
    return kernels;
  }

  PlacedPlan placed() {
    return memory.placed();
  }

  RunInputs inputs() {
    return inputs;
  }

  /** Counters and sums of the session. */
  Control control() {
    return memory.control();
  }

  CUdeviceptr at(TensorSpec tensor) {
    return memory.at(tensor);
  }

  /** A parameter to be read in that type. */
  CUdeviceptr parameter(TensorSpec tensor, DType type) {
    return type == DType.BF16 ? memory.copyAt(tensor) : memory.at(tensor);
  }

  /**
   * Where the bf16 copy of the parameters from this one on goes; {@link #NONE} if none reads it.
   */
  CUdeviceptr copyFrom(TensorSpec parameter) {
    return memory.hasCopy() ? memory.copyAt(parameter) : NONE;
  }

  /** What the step keeps between runs. */
  CUdeviceptr resident() {
    return memory.resident(index);
  }

  /** Scratch memory, apart from all handed out before. */
  CUdeviceptr scratch(long bytes) {
    long offset = used;
    used += Kernels.align(bytes);
    if (used > Kernels.align(scratch.bytes())) {
      throw new IllegalStateException(
          Text.of("a step wants %d bytes of scratch memory but stated %d", used, scratch.bytes()));
    }
    return memory.at(scratch.offset() + offset);
  }

  void add(Work work) {
    works.add(work);
  }

  /** Adds a kernel whose threads take that many units of work. */
  void launch(String file, String kernel, long units, Object... arguments) {
    works.add(kernels.launch(file, kernel, kernels.blocks(units), arguments));
  }

  /** Adds a kernel that takes one tile a block at a time, in any grid. */
  void launchTiles(String file, String kernel, long tiles, Object... arguments) {
    launchBlocks(file, kernel, kernels.tiles(tiles), arguments);
  }

  /** Adds a kernel with that many blocks. */
  void launchBlocks(String file, String kernel, int blocks, Object... arguments) {
    works.add(kernels.launch(file, kernel, blocks, arguments));
  }

  /** Everything in order. */
  public Work finish() {
    return Work.sequence(works);
  }
}
