package org.nin4j.backend.cuda;

import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import jcuda.driver.CUdeviceptr;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.PlacedPlan.Place;
import org.nin4j.plan.TensorSpec;
import org.nin4j.plan.TensorSpec.Role;

/** A session's one allocation: the plan's arena, and behind it the counters and sums. */
final class SessionMemory implements AutoCloseable {
  private final PlacedPlan placed;
  private final DeviceMemory memory;
  private final Control control;
  private final Optional<Place> copy;

  /**
   * Allocates.
   *
   * @param operations how the plan's steps are computed
   * @throws DeviceMemoryException if there is no room
   */
  SessionMemory(PlacedPlan placed, Operations operations) {
    this.placed = placed;
    long arena = Kernels.align(placed.bytes());
    memory = new DeviceMemory(arena + Control.BYTES);
    control = new Control(memory.at(arena));
    copy = copy(placed, operations);
  }

  private static Optional<Place> copy(PlacedPlan placed, Operations operations) {
    OptionalInt holder = operations.holderOfCopy();
    if (holder.isEmpty()) {
      return Optional.empty();
    }
    Place kept = placed.residents().get(holder.getAsInt());
    long own =
        Kernels.align(operations.of(placed.plan().steps().get(holder.getAsInt())).resident());
    return Optional.of(new Place(kept.offset() + own, kept.bytes() - own));
  }

  /** Where the things that last end and those that come and go begin. */
  private static long lastingBytes(PlacedPlan placed) {
    Stream<Place> lasting =
        placed.tensors().entrySet().stream()
            .filter(e -> e.getKey().role() != Role.ACTIVATION)
            .map(Map.Entry::getValue);
    return Stream.concat(lasting, placed.residents().values().stream())
        .mapToLong(place -> Kernels.align(place.offset() + place.bytes()))
        .max()
        .orElse(0);
  }

  PlacedPlan placed() {
    return placed;
  }

  Control control() {
    return control;
  }

  CUdeviceptr at(TensorSpec tensor) {
    return memory.at(placed.place(tensor).offset());
  }

  CUdeviceptr at(long offset) {
    return memory.at(offset);
  }

  /** Where a number lies that is 0 until the first epoch begins, and nobody changes. */
  long zeroAddress() {
    return memory.address() + memory.bytes() - Long.BYTES;
  }

  /** What the step keeps between runs. */
  CUdeviceptr resident(int index) {
    return memory.at(placed.residents().get(index).offset());
  }

  boolean hasCopy() {
    return copy.isPresent();
  }

  /** A parameter's bf16 copy. */
  CUdeviceptr copyAt(TensorSpec parameter) {
    return memory.at(copy.orElseThrow().offset() + placed.place(parameter).offset() / 2);
  }

  /**
   * Starts anew but for the tables of the batch step: parameters, gradients and the optimizer's
   * state are 0; everything that a run must write before it reads is NaN, so that a mistake shows.
   */
  void clear(Device device) {
    long lasting = lastingBytes(placed);
    memory.fill(device, (byte) -1, lasting, Kernels.align(placed.bytes()) - lasting);
    placed
        .tensors()
        .forEach(
            (tensor, place) -> {
              if (tensor.role() != Role.ACTIVATION) {
                memory.fill(device, (byte) 0, place.offset(), Kernels.align(place.bytes()));
              }
            });
    copy.ifPresent(place -> memory.fill(device, (byte) 0, place.offset(), place.bytes()));
    memory.fill(device, (byte) 0, memory.bytes() - Control.BYTES, Control.BYTES);
  }

  @Override
  public void close() {
    memory.close();
  }
}
