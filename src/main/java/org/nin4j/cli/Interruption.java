package org.nin4j.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Lets a training end well when the process is told to end, by Ctrl-C for example: asks it to stop
 * and holds the process until it has. A second Ctrl-C ends the process at once.
 */
final class Interruption {
  private static final long POLL_MILLISECONDS = 50;

  private final CountDownLatch ended = new CountDownLatch(1);
  private final Thread hook;
  private final Runnable stop;

  private Interruption(Runnable stop) {
    this.stop = stop;
    hook = new Thread(this::hold, "interruption");
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /**
   * Does some work; the process ends only after it.
   *
   * @param stop asks the work to end soon; called from another thread
   */
  static <T> T holdDuring(Runnable stop, Supplier<T> work) {
    Interruption interruption = new Interruption(stop);
    try {
      return work.get();
    } finally {
      interruption.end();
    }
  }

  private void hold() {
    stop.run();
    try {
      while (!ended.await(POLL_MILLISECONDS, TimeUnit.MILLISECONDS)) {
        if (signalsTaken() > 1) {
          Runtime.getRuntime().halt(ExitCode.INTERRUPTED.number);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Java offers no supported way to see a second signal while the first one ends the process. But
   * each signal gets a thread of this name, which waits until the end. Where it has another name,
   * the second Ctrl-C does nothing, and the end comes after the step under way.
   */
  private static long signalsTaken() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(t -> t.getName().equals("SIGINT handler"))
        .count();
  }

  /** Everything is saved and said: the process may end. */
  private void end() {
    ended.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      return; // The process is ending: the hook runs, and ends with what was just counted.
    }
  }
}
