package org.nin4j.train.checkpoint;

/** A checkpoint that cannot be used: damaged, of another network, or no checkpoint at all. */
public final class CheckpointException extends RuntimeException {
  private final boolean damage;

  public CheckpointException(String message) {
    super(message);
    damage = false;
  }

  public CheckpointException(String message, Throwable cause) {
    super(message, cause);
    damage = false;
  }

  private CheckpointException(String message, boolean damage) {
    super(message);
    this.damage = damage;
  }

  /** For a file whose bytes are not those that were written. */
  static CheckpointException damaged(String message) {
    return new CheckpointException(message, true);
  }

  /**
   * Whether the file's bytes are not those that were written, as where a disk failed. One that is
   * whole, but of another version or network, is not damaged.
   */
  public boolean isDamage() {
    return damage;
  }
}
