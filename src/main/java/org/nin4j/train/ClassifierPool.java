package org.nin4j.train;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.tensor.Shape;
import org.nin4j.train.checkpoint.Checkpoint;

/**
 * A trained network for a service: any number of threads may classify with it at once.
 *
 * <pre>{@code
 * try (ClassifierPool pool = ClassifierPool.open(file, 2, () -> Devices.open("cpu", 1))) {
 *   // … from any thread
 *   System.out.println(pool.classify(pixels).best().name());
 * }
 * }</pre>
 *
 * <p>Each of its lanes is a thread with a device and a {@link Classifier} of its own. A lane that
 * is free takes its share of the images that wait, up to sixteen, and computes them together: the
 * more callers, the larger the groups. Memory is bounded: a caller waits for room before its image
 * does.
 *
 * <p>On processors a lane computes with {@code OMP_NUM_THREADS} threads, which is read when Java
 * starts; lanes times threads should be at most the cores. For small images lanes of one thread
 * give the most answers a second, and the shortest wait.
 */
public final class ClassifierPool implements AutoCloseable {
  /** So many groups for each lane may wait. */
  private static final int WAITING_GROUPS = 2;

  private final Checkpoint checkpoint;
  private final int count;
  private final List<Thread> lanes = new ArrayList<>();

  /** Guards what follows. */
  private final ReentrantLock lock = new ReentrantLock();

  private final Condition filled = lock.newCondition();
  private final Condition room = lock.newCondition();
  private final Queue<Request> waiting = new ArrayDeque<>();
  private boolean closed;

  /** An image, and where its answer goes. */
  private record Request(byte[] image, CompletableFuture<Prediction> answer) {}

  private ClassifierPool(Checkpoint checkpoint, int count) {
    this.checkpoint = checkpoint;
    this.count = count;
  }

  /**
   * Reads a checkpoint and binds its network to as many devices as there are lanes.
   *
   * @param lanes how many groups are computed at once
   * @param device opens a device; called by each lane in its own thread, which closes it
   * @throws org.nin4j.train.checkpoint.CheckpointException if the file is no checkpoint or damaged
   * @throws BackendException if a device cannot be used
   */
  public static ClassifierPool open(Path file, int lanes, Supplier<Backend> device) {
    return open(Checkpoint.read(file), lanes, device);
  }

  /** The same with a checkpoint that has been read. */
  public static ClassifierPool open(Checkpoint checkpoint, int lanes, Supplier<Backend> device) {
    if (lanes < 1) {
      throw new IllegalArgumentException("a pool has at least 1 lane, not " + lanes);
    }
    ClassifierPool pool = new ClassifierPool(checkpoint, lanes);
    try {
      for (int i = 1; i <= lanes; i++) {
        pool.startLane(i, device);
      }
    } catch (RuntimeException | Error e) {
      pool.close();
      throw e;
    }
    return pool;
  }

  /** Waits until the lane is ready, so that who opens a pool hears of what fails. */
  private void startLane(int number, Supplier<Backend> device) {
    CompletableFuture<Void> ready = new CompletableFuture<>();
    Thread lane = new Thread(() -> serve(device, ready), "nin4j-classifier-" + number);
    // A service that forgets to close the pool still ends.
    lane.setDaemon(true);
    lane.start();
    lanes.add(lane);
    try {
      ready.join();
    } catch (CompletionException e) {
      throw rethrown(e.getCause());
    }
  }

  private void serve(Supplier<Backend> device, CompletableFuture<Void> ready) {
    try (Backend backend = device.get();
        Classifier classifier = new Classifier(checkpoint, backend)) {
      ready.complete(null);
      for (List<Request> group = take(); !group.isEmpty(); group = take()) {
        answer(classifier, group);
      }
    } catch (RuntimeException | Error e) {
      // Of no use where the lane was ready: then it is what failed at its closing.
      ready.completeExceptionally(e);
    }
  }

  private static void answer(Classifier classifier, List<Request> group) {
    try {
      List<Prediction> predictions =
          classifier.classify(group.stream().map(Request::image).toList());
      for (int i = 0; i < group.size(); i++) {
        group.get(i).answer().complete(predictions.get(i));
      }
    } catch (RuntimeException | Error e) {
      group.forEach(request -> request.answer().completeExceptionally(e));
    }
  }

  /** Waits for work: a fair share of what waits; nothing when the pool is closed. */
  private List<Request> take() {
    lock.lock();
    try {
      while (waiting.isEmpty() && !closed) {
        filled.awaitUninterruptibly();
      }
      int share = (waiting.size() + count - 1) / count;
      List<Request> group = new ArrayList<>(Math.min(share, Classifier.GROUP));
      while (group.size() < Math.min(share, Classifier.GROUP)) {
        group.add(waiting.remove());
      }
      room.signalAll();
      return group;
    } finally {
      lock.unlock();
    }
  }

  /** (channels, height, width) of the images it takes. */
  public Shape image() {
    return checkpoint.image();
  }

  /** The classes by label. */
  public List<String> classes() {
    return checkpoint.classes();
  }

  /**
   * Classifies one image of unsigned bytes [channels, height, width], which must not change until
   * the answer is there.
   *
   * @throws IllegalArgumentException if it has another size
   * @throws IllegalStateException if the pool is closed, or is while the image waits
   * @throws BackendException if the device fails
   */
  public Prediction classify(byte[] image) {
    Classifier.requireSize(checkpoint, image);
    return answer(submit(image));
  }

  /**
   * Classifies images, on all lanes.
   *
   * @param images each of unsigned bytes [channels, height, width]
   * @throws IllegalArgumentException if one has another size; then none is classified
   * @throws IllegalStateException if the pool is closed, or is while they wait
   * @throws BackendException if the device fails
   */
  public List<Prediction> classify(List<byte[]> images) {
    images.forEach(image -> Classifier.requireSize(checkpoint, image));
    List<CompletableFuture<Prediction>> answers = images.stream().map(this::submit).toList();
    List<Prediction> predictions = new ArrayList<>(images.size());
    answers.forEach(answer -> predictions.add(answer(answer)));
    return Collections.unmodifiableList(predictions);
  }

  private CompletableFuture<Prediction> submit(byte[] image) {
    Request request = new Request(image, new CompletableFuture<>());
    lock.lock();
    try {
      while (waiting.size() >= count * WAITING_GROUPS * Classifier.GROUP && !closed) {
        room.awaitUninterruptibly();
      }
      if (closed) {
        throw closedWhileWaiting();
      }
      waiting.add(request);
      filled.signal();
    } finally {
      lock.unlock();
    }
    return request.answer();
  }

  private static Prediction answer(CompletableFuture<Prediction> answer) {
    try {
      return answer.join();
    } catch (CompletionException e) {
      throw rethrown(e.getCause());
    }
  }

  /** What another thread threw, with the stack of the one that hears of it. */
  private static RuntimeException rethrown(Throwable cause) {
    if (cause instanceof BackendException) {
      return new BackendException(cause.getMessage(), cause);
    }
    if (cause instanceof Error error) {
      throw error;
    }
    return cause instanceof RuntimeException e ? e : new IllegalStateException(cause);
  }

  private static IllegalStateException closedWhileWaiting() {
    return new IllegalStateException("the pool of classifiers is closed");
  }

  /** Waits for what is being computed; what waits is refused. A second call does nothing. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      waiting.forEach(request -> request.answer().completeExceptionally(closedWhileWaiting()));
      waiting.clear();
      filled.signalAll();
      room.signalAll();
    } finally {
      lock.unlock();
    }
    boolean interrupted = false;
    for (Thread lane : lanes) {
      while (lane.isAlive()) {
        try {
          lane.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
