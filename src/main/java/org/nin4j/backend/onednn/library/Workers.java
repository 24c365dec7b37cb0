package org.nin4j.backend.onednn.library;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Threads for the loops that are Java's: the caller and others that wait for it. Used from one
 * thread; a round allocates nothing. They sleep soon after a round, since oneDNN's own threads want
 * the processor next.
 */
public final class Workers implements AutoCloseable {
  /** What is done once for each part, in any order. */
  @FunctionalInterface
  public interface Task {
    /**
     * @param thread who does it: below {@link #count}, the same for one part at a time only
     */
    void run(int thread, int part);
  }

  /** Looks for work so often, some microseconds in all, before sleeping. */
  private static final int SPINS = 1_000;

  private static final Task NONE = (thread, part) -> {};

  private final Thread[] others;
  private final AtomicInteger nextPart = new AtomicInteger();
  private final AtomicInteger working = new AtomicInteger();
  private Task task = NONE;
  private int parts;
  private volatile int round;
  private volatile boolean closed;
  private volatile Throwable failure;

  public Workers(int count) {
    others = new Thread[count - 1];
    for (int i = 0; i < others.length; i++) {
      int thread = i + 1;
      others[i] = new Thread(() -> serve(thread), "nin4j-worker-" + thread);
      others[i].setDaemon(true);
      others[i].start();
    }
  }

  /** Threads, the caller's included. */
  public int count() {
    return others.length + 1;
  }

  /** Does all parts and returns when the last one is done. */
  public void run(int partCount, Task what) {
    task = what;
    parts = partCount;
    nextPart.set(0);
    working.set(count());
    // Publishes what was written above.
    round++;
    for (Thread other : others) {
      LockSupport.unpark(other);
    }
    takeParts(0);
    for (int spin = 0; working.get() > 0; spin++) {
      if (spin < SPINS) {
        Thread.onSpinWait();
      } else {
        Thread.yield();
      }
    }
    Throwable failed = failure;
    if (failed != null) {
      failure = null;
      throw new IllegalStateException("a worker failed: " + failed, failed);
    }
  }

  private void serve(int thread) {
    int seen = 0;
    while (!closed) {
      for (int spin = 0; round == seen && spin < SPINS; spin++) {
        Thread.onSpinWait();
      }
      if (round == seen) {
        LockSupport.park(this);
      } else {
        seen = round;
        takeParts(thread);
      }
    }
  }

  private void takeParts(int thread) {
    try {
      for (int part = nextPart.getAndIncrement(); part < parts; part = nextPart.getAndIncrement()) {
        task.run(thread, part);
      }
    } catch (RuntimeException | Error e) {
      failure = e;
    } finally {
      working.decrementAndGet();
    }
  }

  @Override
  public void close() {
    closed = true;
    for (Thread other : others) {
      LockSupport.unpark(other);
    }
  }
}
