package org.nin4j.backend.cuda.step;

import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.device.DeviceMemory;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.PlacedPlan.Slot;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;

/** A session's one allocation: the plan's arena, and behind it the counters and sums. */
public final class SessionMemory implements AutoCloseable {
  private final PlacedPlan placed;
  private final DeviceMemory memory;
  private final Control control;
  private final Optional<Slot> copy;

  /**
   * Allocates.
   *
   * @param operations how the plan's steps are computed
   * @throws org.nin4j.backend.cuda.device.DeviceMemoryException if there is no room
   */
  public SessionMemory(PlacedPlan placed, Operations operations) {
    this.placed = placed;
    long arena = Kernels.align(placed.bytes());
    memory = new DeviceMemory(arena + Control.BYTES);
    control = new Control(memory.at(arena));
    copy = copy(placed, operations);
  }

  private static Optional<Slot> copy(PlacedPlan placed, Operations operations) {
    OptionalInt holder = operations.holderOfCopy();
    if (holder.isEmpty()) {
      return Optional.empty();
    }
    Slot kept = placed.residents().get(holder.getAsInt());
    long own =
        Kernels.align(operations.of(placed.plan().steps().get(holder.getAsInt())).resident());
    return Optional.of(new Slot(kept.offset() + own, kept.bytes() - own));
  }

  /** Where the things that last end and those that come and go begin. */
  private static long lastingBytes(PlacedPlan placed) {
    Stream<Slot> lasting =
        placed.tensors().entrySet().stream()
            .filter(e -> e.getKey().role() != Role.ACTIVATION)
            .map(Map.Entry::getValue);
    return Stream.concat(lasting, placed.residents().values().stream())
        .mapToLong(slot -> Kernels.align(slot.offset() + slot.bytes()))
        .max()
        .orElse(0);
  }

  PlacedPlan placed() {
    return placed;
  }

  public Control control() {
    return control;
  }

  public CUdeviceptr at(TensorSpec tensor) {
    return memory.at(placed.slot(tensor).offset());
  }

  CUdeviceptr at(long offset) {
    return memory.at(offset);
  }

  /** Where a number lies that is 0 until the first epoch begins, and nobody changes. */
  public long zeroAddress() {
    return memory.address() + memory.bytes() - Long.BYTES;
  }

  /** What the step keeps between runs. */
  CUdeviceptr resident(int index) {
    return memory.at(placed.residents().get(index).offset());
  }

  public boolean hasCopy() {
    return copy.isPresent();
  }

  /** A parameter's bf16 copy. */
  public CUdeviceptr copyAt(TensorSpec parameter) {
    return memory.at(copy.orElseThrow().offset() + placed.slot(parameter).offset() / 2);
  }

  /**
   * Starts anew but for the tables of the batch step: parameters, gradients and the optimizer's
   * state are 0; everything that a run must write before it reads is NaN, so that a mistake shows.
   */
  public void clear(Device device) {
    long lasting = lastingBytes(placed);
    memory.fill(device, (byte) -1, lasting, Kernels.align(placed.bytes()) - lasting);
    placed
        .tensors()
        .forEach(
            (tensor, slot) -> {
              if (tensor.role() != Role.ACTIVATION) {
                memory.fill(device, (byte) 0, slot.offset(), Kernels.align(slot.bytes()));
              }
            });
    copy.ifPresent(slot -> memory.fill(device, (byte) 0, slot.offset(), slot.bytes()));
    memory.fill(device, (byte) 0, memory.bytes() - Control.BYTES, Control.BYTES);
  }

  @Override
  public void close() {
    memory.close();
  }
}
