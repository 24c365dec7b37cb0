package org.nin4j.data;

/**
 * Data that cannot be used: damaged, of the wrong kind, or not to be had. The message is meant for
 * people; it names the file and says what was expected, what was found and, where it can, what to
 * do.
 */
public sealed class DataException extends RuntimeException permits DataMissingException {

  public DataException(String message) {
    super(message);
  }

  public DataException(String message, Throwable cause) {
    super(message, cause);
  }
}
