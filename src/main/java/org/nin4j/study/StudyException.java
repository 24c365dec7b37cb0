package org.nin4j.study;

/** A study that makes no sense, or cannot be run; the message says where, and what would fit. */
public final class StudyException extends RuntimeException {
  public StudyException(String message) {
    super(message);
  }
}
