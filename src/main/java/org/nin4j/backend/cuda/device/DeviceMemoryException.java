package org.nin4j.backend.cuda.device;

import org.nin4j.backend.BackendException;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.text.Text;

/** The GPU's memory is too small for what was asked. */
public final class DeviceMemoryException extends BackendException {
  private static final long serialVersionUID = 1L;

  private final long neededBytes;
  private final long freeBytes;
  private final int fittingBatch;

  DeviceMemoryException(String message, long neededBytes, long freeBytes, int fittingBatch) {
    super(message);
    this.neededBytes = neededBytes;
    this.freeBytes = freeBytes;
    this.fittingBatch = fittingBatch;
  }

  /** The same failure, reported for the plan that was to be bound. */
  public DeviceMemoryException of(PlacedPlan placed, int batch) {
    String advice =
        batch > 0
            ? Text.of("a batch of %d would fit", batch)
            : "not even a batch of 1 would fit; use smaller images, a smaller network or the CPU";
    DeviceMemoryException told =
        new DeviceMemoryException(
            Text.of(
                "the plan of %s with batch %d needs %s on the GPU, where %s are free; %s",
                placed.plan().network(),
                placed.plan().batch(),
                Sizes.text(neededBytes),
                Sizes.text(freeBytes),
                advice),
            neededBytes,
            freeBytes,
            batch);
    told.initCause(this);
    return told;
  }

  /** Bytes that were to be allocated. */
  public long neededBytes() {
    return neededBytes;
  }

  /** Bytes that were free. */
  public long freeBytes() {
    return freeBytes;
  }

  /** The largest batch that would fit; 0 if none would, or no batch was concerned. */
  public int fittingBatch() {
    return fittingBatch;
  }
}
