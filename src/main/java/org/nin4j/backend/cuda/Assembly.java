package org.nin4j.backend.cuda;

import java.util.ArrayList;
import java.util.List;
import jcuda.driver.CUdeviceptr;
import org.nin4j.plan.PlacedPlan.Place;
import org.nin4j.plan.Step;
import org.nin4j.plan.TensorSpec;
import org.nin4j.tensor.DType;

/**
 * The work of one step while it is put together: hands out addresses, with conversions before and
 * after where a tensor is not in the type that the step computes in, and scratch memory.
 */
final class Assembly {
  private final KernelLibrary kernels;
  private final SessionMemory memory;
  private final DType type;
  private final Place scratch;
  private long used;
  private final List<Work> works = new ArrayList<>();
  private final List<Work> after = new ArrayList<>();

  /**
   * @param index the step's place in the plan
   */
  Assembly(KernelLibrary kernels, SessionMemory memory, Step step, int index) {
    this.kernels = kernels;
    this.memory = memory;
    this.type = Steps.type(step);
    this.scratch = memory.placed().workspaces().getOrDefault(index, new Place(0, 0));
  }

  /** The type that the step computes in. */
  DType type() {
    return type;
  }

  String suffix() {
    return Kernels.suffix(type);
  }

  /** An activation to be read in the step's type. */
  CUdeviceptr read(TensorSpec tensor) {
    CUdeviceptr own = memory.at(tensor);
    if (tensor.type() == type) {
      return own;
    }
    long elements = tensor.shape().elements();
    CUdeviceptr converted = scratch(elements * type.bytes());
    works.add(Kernels.cast(kernels, tensor.type(), own, converted, elements));
    return converted;
  }

  /** An activation to be written in the step's type. */
  CUdeviceptr write(TensorSpec tensor) {
    CUdeviceptr own = memory.at(tensor);
    if (tensor.type() == type) {
      return own;
    }
    long elements = tensor.shape().elements();
    CUdeviceptr unconverted = scratch(elements * type.bytes());
    after.add(Kernels.cast(kernels, type, unconverted, own, elements));
    return unconverted;
  }

  /** A parameter to be read in the step's type. */
  CUdeviceptr parameter(TensorSpec tensor) {
    return type == DType.BF16 ? memory.copyAt(tensor) : memory.at(tensor);
  }

  /** Scratch memory, apart from all handed out before. */
  CUdeviceptr scratch(long bytes) {
    long offset = used;
    used += Kernels.align(bytes);
    if (used > Kernels.align(scratch.bytes())) {
      throw new IllegalStateException(
          "a step wants %d bytes of scratch memory but stated %d".formatted(used, scratch.bytes()));
    }
    return memory.at(scratch.offset() + offset);
  }

  void add(Work work) {
    works.add(work);
  }

  /** Adds a kernel whose threads take so many units of work. */
  void launch(String file, String kernel, long units, Object... arguments) {
    works.add(kernels.launch(file, kernel, kernels.blocks(units), arguments));
  }

  /** Adds a kernel with so many blocks. */
  void launchBlocks(String file, String kernel, int blocks, Object... arguments) {
    works.add(kernels.launch(file, kernel, blocks, arguments));
  }

  /** Everything in order. */
  Work finish() {
    works.addAll(after);
    return Work.sequence(works);
  }
}
