package org.nin4j.train.checkpoint;

/** A checkpoint that cannot be used: damaged, of another network, or no checkpoint at all. */
public final class CheckpointException extends RuntimeException {
  public CheckpointException(String message) {
    super(message);
  }

  public CheckpointException(String message, Throwable cause) {
    super(message, cause);
  }
}
