package org.nin4j.train;

/** The loss or the parameters are no longer finite; the message says where in the run. */
public final class NumericalException extends RuntimeException {
  public NumericalException(String message) {
    super(message);
  }
}
