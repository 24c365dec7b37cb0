package org.nin4j.model.json;

/** JSON that describes no network; the message says where and what would. */
public final class DescriptionException extends RuntimeException {
  public DescriptionException(String message) {
    super(message);
  }
}
