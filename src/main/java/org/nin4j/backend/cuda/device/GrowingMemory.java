package org.nin4j.backend.cuda.device;

import java.util.Optional;
import jcuda.driver.CUdeviceptr;

/** Device memory for data whose size changes; allocated anew only when it must grow. */
public final class GrowingMemory implements AutoCloseable {
  private Optional<DeviceMemory> memory = Optional.empty();

  /** Makes room. What was there is lost if it grows, and nothing may be using it. */
  public void ensure(long bytes) {
    if (memory.map(DeviceMemory::bytes).orElse(0L) < bytes) {
      close();
      memory = Optional.of(new DeviceMemory(bytes));
    }
  }

  public CUdeviceptr at(long offset) {
    return memory.orElseThrow().at(offset);
  }

  public long address() {
    return memory.orElseThrow().address();
  }

  @Override
  public void close() {
    Optional<DeviceMemory> old = memory;
    memory = Optional.empty();
    old.ifPresent(DeviceMemory::close);
  }
}
