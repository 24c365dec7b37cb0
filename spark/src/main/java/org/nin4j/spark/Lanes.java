package org.nin4j.spark;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * What is dear to bind to a device is bound once in an executor and kept for the tasks to come: as
 * many of a kind as tasks run at once, each with a thread of its own, to which sessions belong.
 * Static, since nothing else of an executor outlives its tasks. Daemons: they end with the process.
 */
final class Lanes {
  /** Kinds that are kept: a training and a model that predicts beside it. */
  private static final int KEPT = 2;

  /** Free ones by kind, the one used last at the end. Guarded by the class. */
  private static final Map<Object, Deque<Lane>> FREE = new LinkedHashMap<>(8, 0.75f, true);

  private record Lane(ExecutorService thread, AutoCloseable bound) {}

  private Lanes() {}

  /**
   * Does something with what is bound, in the thread that it belongs to.
   *
   * @param kind equal for what may take each other's place
   * @param bind binds one where none is free
   */
  static <T extends AutoCloseable, R> R use(
      Object kind, Class<T> type, Supplier<T> bind, Function<T, R> what) {
    Lane lane = take(kind).orElseGet(() -> open(bind));
    T bound = type.cast(lane.bound());
    try {
      R result = lane.thread().submit(() -> what.apply(bound)).get();
      giveBack(kind, lane);
      return result;
    } catch (InterruptedException e) {
      // The task was killed, such as the slower of two copies; what it began comes to its end.
      lane.thread().execute(() -> giveBack(kind, lane));
      Thread.currentThread().interrupt();
      throw new IllegalStateException("the task was interrupted", e);
    } catch (ExecutionException e) {
      close(lane);
      throw rethrown(e);
    }
  }

  private static synchronized Optional<Lane> take(Object kind) {
    return Optional.ofNullable(FREE.get(kind)).map(Deque::pollLast);
  }

  private static synchronized void giveBack(Object kind, Lane lane) {
    FREE.computeIfAbsent(kind, k -> new ArrayDeque<>()).add(lane);
    while (FREE.size() > KEPT) {
      Object oldest = FREE.keySet().iterator().next();
      FREE.remove(oldest).forEach(Lanes::close);
    }
  }

  private static Lane open(Supplier<? extends AutoCloseable> bind) {
    ExecutorService thread =
        Executors.newSingleThreadExecutor(
            work -> {
              Thread daemon = new Thread(work, "nin4j-lane");
              daemon.setDaemon(true);
              return daemon;
            });
    try {
      return new Lane(thread, thread.submit(bind::get).get());
    } catch (InterruptedException e) {
      thread.shutdown();
      Thread.currentThread().interrupt();
      throw new IllegalStateException("the task was interrupted", e);
    } catch (ExecutionException e) {
      thread.shutdown();
      throw rethrown(e);
    }
  }

  private static void close(Lane lane) {
    lane.thread()
        .submit(
            () -> {
              lane.bound().close();
              return true;
            });
    lane.thread().shutdown();
  }

  private static RuntimeException rethrown(ExecutionException e) {
    if (e.getCause() instanceof Error error) {
      throw error;
    }
    return e.getCause() instanceof RuntimeException cause
        ? cause
        : new IllegalStateException(e.getCause());
  }
}
