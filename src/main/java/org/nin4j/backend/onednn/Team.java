package org.nin4j.backend.onednn;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Threads that do one thing together, the caller among them. An executor would do, but allocates
 * with every task.
 */
final class Team implements AutoCloseable {
  /** A share of some work. */
  interface Work {
    /** Does share {@code part} of {@code parts} equal ones. */
    void run(int part, int parts);
  }

  private static final Work NONE = (part, parts) -> {};

  private final Thread[] helpers;
  private final Thread[] waiting = new Thread[1];
  private volatile Work work = NONE;
  private volatile int round;
  private volatile boolean closed;
  private final AtomicInteger left = new AtomicInteger();
  private volatile Throwable failure;

  Team(int threads) {
    helpers = new Thread[threads - 1];
    for (int i = 0; i < helpers.length; i++) {
      int part = i + 1;
      helpers[i] = new Thread(() -> help(part), "nin4j-" + part);
      helpers[i].setDaemon(true);
      helpers[i].start();
    }
  }

  /** How many threads there are: the largest number of shares. */
  int size() {
    return helpers.length + 1;
  }

  /** Runs all shares and returns when all are done. */
  void run(Work shared) {
    if (helpers.length == 0) {
      shared.run(0, 1);
      return;
    }
    waiting[0] = Thread.currentThread();
    work = shared;
    left.set(helpers.length);
    round++;
    for (Thread helper : helpers) {
      LockSupport.unpark(helper);
    }
    try {
      shared.run(0, helpers.length + 1);
    } finally {
      while (left.get() > 0) {
        LockSupport.park(this);
      }
    }
    if (failure != null) {
      throw new IllegalStateException("a helper thread failed", failure);
    }
  }

  private void help(int part) {
    int done = 0;
    while (true) {
      while (round == done && !closed) {
        LockSupport.park(this);
      }
      if (closed) {
        return;
      }
      done++;
      try {
        work.run(part, helpers.length + 1);
      } catch (RuntimeException | Error e) {
        failure = e;
      }
      if (left.decrementAndGet() == 0) {
        LockSupport.unpark(waiting[0]);
      }
    }
  }

  @Override
  public void close() {
    closed = true;
    for (Thread helper : helpers) {
      LockSupport.unpark(helper);
    }
  }
}
