package org.nin4j.backend.cuda.device;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Owns things that must be closed, and closes them once, the last one first, all of them even if
 * some fail to close. While something is being made its parts lie in a scope, so that a failure
 * half-way frees what there is.
 */
public final class Scope implements AutoCloseable {
  private final Deque<AutoCloseable> owned = new ArrayDeque<>();

  /** Takes ownership. */
  public <T extends AutoCloseable> T add(T part) {
    owned.push(part);
    return part;
  }

  /** Hands everything to a new scope and keeps nothing. */
  public Scope release() {
    Scope heir = new Scope();
    heir.owned.addAll(owned);
    owned.clear();
    return heir;
  }

  /** Closes everything; then throws the first failure, the others suppressed in it. */
  @Override
  public void close() {
    RuntimeException first = null;
    while (!owned.isEmpty()) {
      try {
        owned.pop().close();
      } catch (Exception e) {
        RuntimeException failure =
            e instanceof RuntimeException r ? r : new IllegalStateException(e);
        if (first == null) {
          first = failure;
        } else {
          first.addSuppressed(failure);
        }
      }
    }
    if (first != null) {
      throw first;
    }
  }
}
