package org.nin4j.backend;

/** The device or its libraries failed, or cannot do what was asked; the message says what would. */
public class BackendException extends RuntimeException {
  public BackendException(String message) {
    super(message);
  }

  public BackendException(String message, Throwable cause) {
    super(message, cause);
  }
}
