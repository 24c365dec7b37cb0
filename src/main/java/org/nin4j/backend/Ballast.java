package org.nin4j.backend;

/** Memory that is taken so that nobody else gets it; given back when closed. */
@FunctionalInterface
public interface Ballast extends AutoCloseable {
  /** Takes nothing. */
  Ballast NONE = () -> {};

  @Override
  void close();
}
