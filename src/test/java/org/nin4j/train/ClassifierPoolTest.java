package org.nin4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.onednn.OneDnnBackend;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.data.ImageDataset;
import org.nin4j.train.checkpoint.Checkpoint;

@Timeout(120)
class ClassifierPoolTest {
  private static final Checkpoint CHECKPOINT =
      Trial.trainer(Trial.recipe().toBuilder().epochs(1).build()).train();

  private static List<byte[]> images() {
    ImageDataset test = Trial.data().test();
    List<byte[]> images = new ArrayList<>();
    for (int i = 0; i < test.count(); i++) {
      byte[] image = new byte[test.imageSize()];
      test.copyImage(i, image, 0);
      images.add(image);
    }
    return images;
  }

  private static ClassifierPool pool(int lanes, Supplier<Backend> device) {
    return ClassifierPool.open(CHECKPOINT, lanes, device);
  }

  /** Each caller gets the answer to its own image, whatever group it was computed in. */
  private static void manyCallers(Supplier<Backend> device, double within) throws Exception {
    List<byte[]> images = images();
    List<Prediction> expected;
    try (Classifier classifier = new Classifier(CHECKPOINT, new ReferenceBackend())) {
      expected = classifier.classify(images);
    }
    ExecutorService callers = Executors.newFixedThreadPool(8);
    try (ClassifierPool pool = pool(2, device)) {
      List<Future<?>> done = new ArrayList<>();
      for (int caller = 0; caller < 8; caller++) {
        int first = caller;
        done.add(
            callers.submit(
                () -> {
                  for (int i = 0; i < 60; i++) {
                    int index = (first + i) % images.size();
                    assertNear(expected.get(index), pool.classify(images.get(index)), within);
                  }
                }));
      }
      for (Future<?> future : done) {
        future.get();
      }
      assertEquals(CHECKPOINT.classes(), pool.classes());
      assertEquals(CHECKPOINT.image(), pool.image());
    } finally {
      callers.shutdownNow();
    }
  }

  private static void assertNear(Prediction expected, Prediction actual, double within) {
    for (int k = 0; k < expected.classes().size(); k++) {
      assertEquals(expected.probabilities().get(k), actual.probabilities().get(k), within);
    }
  }

  @Test
  void manyCallersGetTheAnswersToTheirImages() throws Exception {
    manyCallers(ReferenceBackend::new, 0);
  }

  @Test
  void lanesOfOneDnnDoNotDisturbEachOther() throws Exception {
    // fp32 sums in another order.
    manyCallers(() -> new OneDnnBackend(1), 1e-5);
  }

  @Test
  void manyMoreImagesThanMayWait() {
    List<byte[]> images = Collections.nCopies(20, images()).stream().flatMap(List::stream).toList();
    try (ClassifierPool pool = pool(2, ReferenceBackend::new);
        Classifier classifier = new Classifier(CHECKPOINT, new ReferenceBackend())) {
      assertTrue(images.size() > 2 * 2 * Classifier.GROUP);
      assertEquals(classifier.classify(images), pool.classify(images));
      assertEquals(List.of(), pool.classify(List.of()));
    }
  }

  @Test
  void anImageOfAnotherSizeIsRefusedAndTheOthersGoOn() {
    try (ClassifierPool pool = pool(1, ReferenceBackend::new)) {
      assertThrows(IllegalArgumentException.class, () -> pool.classify(new byte[3]));
      List<byte[]> images = new ArrayList<>(images());
      images.add(new byte[5]);
      assertThrows(IllegalArgumentException.class, () -> pool.classify(images));
      assertEquals(1, pool.classify(images.subList(0, 1)).size());
    }
  }

  /** A device whose n-th run does something else before it ends. */
  private static Backend device(int run, Runnable reached) {
    return new CountingBackend(new ReferenceBackend(), false, run, reached);
  }

  @Test
  void aDeviceThatFailsIsHeardOfByItsCallersAndServesTheNext() {
    Supplier<Backend> device =
        () ->
            device(
                1,
                () -> {
                  throw new BackendException("the device is tired");
                });
    try (ClassifierPool pool = pool(1, device)) {
      BackendException e =
          assertThrows(BackendException.class, () -> pool.classify(images().get(0)));
      assertEquals("the device is tired", e.getMessage());
      // Who called is in the trace, and so is what failed.
      assertTrue(
          List.of(e.getStackTrace()).stream()
              .anyMatch(frame -> frame.getClassName().equals(ClassifierPoolTest.class.getName())));
      assertEquals("the device is tired", e.getCause().getMessage());
      assertEquals(10, pool.classify(images().get(0)).classes().size());
    }
  }

  @Test
  void aDeviceThatCannotBeOpenedEndsTheOpening() {
    AtomicInteger opened = new AtomicInteger();
    AtomicInteger closed = new AtomicInteger();
    Supplier<Backend> second =
        () -> {
          if (opened.incrementAndGet() == 2) {
            throw new BackendException("there is but one");
          }
          return new CountingBackend(
              new ReferenceBackend(), false, 0, () -> {}, closed::incrementAndGet);
        };
    BackendException e = assertThrows(BackendException.class, () -> pool(3, second));
    assertEquals("there is but one", e.getMessage());
    assertEquals(2, opened.get());
    assertEquals(1, closed.get());
    assertThrows(IllegalArgumentException.class, () -> pool(0, ReferenceBackend::new));
  }

  /** What is being computed is answered, what waits is refused, and no more than fits waits. */
  @Test
  void closingRefusesWhatWaitsAndNobodyHangs() throws Exception {
    CountDownLatch computing = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    Supplier<Backend> device =
        () ->
            device(
                1,
                () -> {
                  computing.countDown();
                  awaited(goOn);
                });
    byte[] image = images().get(0);
    int most = 1 + 2 * Classifier.GROUP;
    ExecutorService callers = Executors.newFixedThreadPool(most + 5);
    ClassifierPool pool = pool(1, device);
    try {
      Future<Prediction> first = callers.submit(() -> pool.classify(image));
      assertTrue(computing.await(60, TimeUnit.SECONDS));
      List<Future<Prediction>> others = new ArrayList<>();
      for (int i = 0; i < most + 4; i++) {
        others.add(callers.submit(() -> pool.classify(image)));
      }
      Thread closing = new Thread(pool::close);
      closing.start();
      for (Future<Prediction> other : others) {
        ExecutionException e = assertThrows(ExecutionException.class, other::get);
        assertSame(IllegalStateException.class, e.getCause().getClass());
        assertTrue(e.getCause().getMessage().contains("closed"), e.getCause().getMessage());
      }
      assertFalse(first.isDone());
      assertTrue(closing.isAlive());
      goOn.countDown();
      assertEquals(10, first.get().classes().size());
      closing.join();
      pool.close();
      assertThrows(IllegalStateException.class, () -> pool.classify(image));
      assertThrows(IllegalStateException.class, () -> pool.classify(List.of(image)));
    } finally {
      goOn.countDown();
      callers.shutdownNow();
    }
  }

  @Test
  void anInterruptedCallerGetsItsAnswerAndStaysInterrupted() {
    byte[] image = images().get(0);
    try (ClassifierPool pool = pool(1, ReferenceBackend::new)) {
      Thread.currentThread().interrupt();
      assertEquals(10, pool.classify(image).classes().size());
      assertTrue(Thread.interrupted());
      Thread.currentThread().interrupt();
    } finally {
      // Closed while interrupted, too.
      assertTrue(Thread.interrupted());
    }
  }

  private static void awaited(CountDownLatch latch) {
    try {
      assertTrue(latch.await(60, TimeUnit.SECONDS));
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
