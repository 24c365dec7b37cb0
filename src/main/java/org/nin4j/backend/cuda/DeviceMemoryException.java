package org.nin4j.backend.cuda;

import org.nin4j.backend.BackendException;

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

  /** Bytes that were to be allocated. */
  public long neededBytes() {
    return neededBytes;
  }

  /** Bytes that were free. */
  public long freeBytes() {
    return freeBytes;
  }

  /** About the largest batch that would fit; 0 if none would, or no batch was concerned. */
  public int fittingBatch() {
    return fittingBatch;
  }
}
