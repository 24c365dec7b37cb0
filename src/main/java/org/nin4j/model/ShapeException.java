package org.nin4j.model;

/** A layer cannot take the shape that reaches it; the message names the layer and both shapes. */
public final class ShapeException extends RuntimeException {
  public ShapeException(String message) {
    super(message);
  }
}
