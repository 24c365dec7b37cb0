package org.nin4j.train;

/** What other threads ask of a training while it runs: to wait, to go on, to stop. */
final class Requests {
  private volatile boolean pausing;
  private volatile boolean stopping;

  synchronized void stop() {
    stopping = true;
    notifyAll();
  }

  void pause() {
    pausing = true;
  }

  synchronized void goOn() {
    pausing = false;
    notifyAll();
  }

  boolean pausing() {
    return pausing;
  }

  boolean stopping() {
    return stopping;
  }

  /** Waits until it may go on or is to stop; to be interrupted is to be stopped. */
  synchronized void awaitGoOn() {
    while (pausing && !stopping) {
      try {
        wait();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        stopping = true;
      }
    }
  }
}
