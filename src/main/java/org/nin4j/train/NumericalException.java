package org.nin4j.train;

import java.util.Optional;
import org.nin4j.train.checkpoint.Position;

/** The loss or the parameters are no longer finite; the message says where in the run. */
public final class NumericalException extends RuntimeException {
  /** Not carried along where an exception is written to a file. */
  private final transient Optional<Position> position;

  public NumericalException(String message) {
    super(message);
    position = Optional.empty();
  }

  NumericalException(String message, Position position) {
    super(message);
    this.position = Optional.of(position);
  }

  /** Where in the training it was found. */
  Optional<Position> position() {
    return position;
  }
}
