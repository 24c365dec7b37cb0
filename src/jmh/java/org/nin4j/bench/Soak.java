package org.nin4j.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import org.nin4j.backend.choice.Devices;
import org.nin4j.plan.Precision;
import org.nin4j.train.Classifier;
import org.nin4j.train.ClassifierPool;

/**
 * Asks a pool of classifiers for a long time, by four threads and in every way: one image, some,
 * many, one of another size; beside them classifiers are opened and closed. Says what the process
 * holds in memory each minute, and ends with 1 if it grew by more than 2 % after the first sixth of
 * the time. Run by {@code bench/run soak [minutes]}.
 */
public final class Soak {
  private static final int CLIENTS = 4;
  private static final double MOST_GROWTH = 1.02;

  private final ServingModel model = ServingModel.of("nin", 67, Precision.FP32, 1);
  private final LongAdder answered = new LongAdder();
  private final LongAdder refused = new LongAdder();
  private final LongAdder opened = new LongAdder();

  private Soak() {}

  public static void main(String[] arguments) throws InterruptedException, ExecutionException {
    double minutes = arguments.length == 0 ? 60 : Double.parseDouble(arguments[0]);
    System.exit(new Soak().run(minutes) ? 0 : 1);
  }

  private boolean run(double minutes) throws InterruptedException, ExecutionException {
    long begin = System.nanoTime();
    long end = begin + (long) (minutes * 60e9);
    ExecutorService threads = Executors.newFixedThreadPool(CLIENTS + 1);
    long first = 0;
    long most = 0;
    try (ClassifierPool pool =
        ClassifierPool.open(model.checkpoint(), 2, () -> Devices.open("cpu", 1))) {
      List<Future<?>> work = new ArrayList<>();
      for (int c = 0; c < CLIENTS; c++) {
        int client = c;
        work.add(threads.submit(() -> until(end, i -> ask(pool, client + i))));
      }
      work.add(threads.submit(() -> until(end, i -> openAndClose())));
      System.out.println("minute  answered  refused  opened  resident MB  of it in huge pages");
      while (System.nanoTime() < end) {
        Thread.sleep(Math.round(Math.min(60e3, minutes * 6e3)));
        double minute = (System.nanoTime() - begin) / 60e9;
        long resident = Machine.residentBytes();
        if (minute >= minutes / 6) {
          first = first == 0 ? resident : first;
          most = Math.max(most, resident);
        }
        System.out.printf(
            Locale.ROOT,
            "%6.1f %9d %8d %7d %12.1f %20.1f%n",
            minute,
            answered.sum(),
            refused.sum(),
            opened.sum(),
            resident / 1e6,
            Machine.hugePageBytes() / 1e6);
      }
      for (Future<?> future : work) {
        future.get();
      }
    } finally {
      threads.shutdownNow();
    }
    System.out.printf(
        Locale.ROOT,
        "after the first sixth: %.1f MB, at most %.1f MB, %+.2f %%; %s%n",
        first / 1e6,
        most / 1e6,
        100.0 * (most - first) / first,
        Machine.name());
    return most <= MOST_GROWTH * first;
  }

  /** Something that is done again and again. */
  private interface Turn {
    void take(int number);
  }

  private static void until(long end, Turn turn) {
    for (int i = 0; System.nanoTime() < end; i++) {
      turn.take(i);
    }
  }

  private void ask(ClassifierPool pool, int number) {
    int images = model.images();
    if (number % 97 == 0) {
      requireRefused(() -> pool.classify(new byte[number % 13]));
    } else if (number % 11 == 0) {
      List<byte[]> many = new ArrayList<>();
      for (int i = 0; i < number % 70; i++) {
        many.add(model.image((number + i) % images));
      }
      answered.add(pool.classify(many).size());
    } else {
      pool.classify(model.image(number % images));
      answered.increment();
    }
  }

  private void requireRefused(Supplier<?> call) {
    try {
      call.get();
    } catch (IllegalArgumentException e) {
      refused.increment();
      return;
    }
    throw new IllegalStateException("an image of another size was answered");
  }

  private void openAndClose() {
    try (var backend = Devices.open("cpu", 1);
        Classifier classifier = new Classifier(model.checkpoint(), backend)) {
      classifier.evidence(model.image(0));
      opened.increment();
    }
  }
}
