package org.nin4j.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.Samples;
import org.nin4j.backend.Session;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.Update;
import org.nin4j.tensor.HostTensor;

/** A backend that tells when the given number of training or inference runs are done. */
final class CountingBackend implements Backend {
  private final Backend backend;
  private final boolean training;
  private final Runnable reached;
  private final Runnable closed;
  private final List<Epoch> begun = new ArrayList<>();
  private int left;
  private Optional<Session> counted = Optional.empty();

  /**
   * Counts.
   *
   * @param backend what runs
   * @param training whether to count training runs, or inference runs
   * @param runs how many until {@code reached}
   */
  CountingBackend(Backend backend, boolean training, int runs, Runnable reached) {
    this(backend, training, runs, reached, () -> {});
  }

  /** The same, and tells when it is closed. */
  CountingBackend(Backend backend, boolean training, int runs, Runnable reached, Runnable closed) {
    this.closed = closed;
    this.backend = backend;
    this.training = training;
    this.left = runs;
    this.reached = reached;
  }

  /** The epochs that the counted sessions were given. */
  List<Epoch> begun() {
    return begun;
  }

  /** The session whose runs are counted, the last that was bound. */
  Session session() {
    return counted.orElseThrow();
  }

  @Override
  public String name() {
    return backend.name();
  }

  @Override
  public boolean computesIn(Precision precision) {
    return true;
  }

  @Override
  public String description() {
    return backend.description();
  }

  @Override
  public PlacedPlan prepare(Plan plan) {
    return backend.prepare(plan);
  }

  @Override
  public Session bind(PlacedPlan plan) {
    Session session = backend.bind(plan);
    boolean trains = plan.plan().steps(Update.class).findAny().isPresent();
    if (trains != training) {
      return session;
    }
    counted = Optional.of(new Counted(session));
    return counted.get();
  }

  @Override
  public void close() {
    closed.run();
    backend.close();
  }

  private final class Counted implements Session {
    private final Session session;

    Counted(Session session) {
      this.session = session;
    }

    @Override
    public PlacedPlan placed() {
      return session.placed();
    }

    @Override
    public void write(TensorSpec tensor, HostTensor values) {
      session.write(tensor, values);
    }

    @Override
    public HostTensor read(TensorSpec tensor) {
      return session.read(tensor);
    }

    @Override
    public void load(Samples samples) {
      session.load(samples);
    }

    @Override
    public void begin(Epoch epoch) {
      begun.add(epoch);
      session.begin(epoch);
    }

    @Override
    public void run() {
      session.run();
      left--;
      if (left == 0) {
        reached.run();
      }
    }

    @Override
    public long[] runTimed() {
      return session.runTimed();
    }

    @Override
    public Metrics metrics() {
      return session.metrics();
    }

    @Override
    public void close() {
      session.close();
    }
  }
}
