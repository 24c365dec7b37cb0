package org.nin4j.cli.command;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.nin4j.cli.output.ExitCode;

/**
 * Lets a training end well when the process is told to end, by Ctrl-C for example: asks it to stop
 * and holds the process until it has. A second Ctrl-C or SIGTERM ends the process at once, whatever
 * it is doing.
 */
final class Interruption {
  private static final long POLL_MILLISECONDS = 50;

  /** 128 + 15, as the first SIGTERM would have ended it. */
  private static final int TERMINATED = 143;

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
        List<String> signals = signalsTaken();
        if (signals.size() > 1) {
          Runtime.getRuntime()
              .halt(signals.contains("SIGTERM") ? TERMINATED : ExitCode.INTERRUPTED.number());
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Java offers no supported way to see a second signal while the first one ends the process. But
   * each signal gets a thread of this name, which waits until the end. Where it has another name,
   * the second signal does nothing, and the end comes after the step under way.
   */
  private static List<String> signalsTaken() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> name.matches("SIG(INT|TERM|HUP) handler"))
        .map(name -> name.substring(0, name.indexOf(' ')))
        .toList();
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
