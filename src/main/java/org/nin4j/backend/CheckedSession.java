package org.nin4j.backend;

import java.util.Optional;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.Plan;
import org.nin4j.plan.step.MakeBatch;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.Update;
import org.nin4j.tensor.HostTensor;
import org.nin4j.text.Text;

/**
 * The contract of {@link Session}, asked for once for all backends: what passes is safe for the
 * session within, which checks nothing of it again. It belongs to the thread that made it.
 */
public final class CheckedSession implements Session {
  private final Session session;
  private final Plan plan;
  private final boolean makesBatch;
  private final boolean updates;
  private final Thread owner = Thread.currentThread();
  private Optional<Samples> samples = Optional.empty();
  private boolean begun;
  private int runsOfEpoch;
  private int runs;
  private boolean closed;

  /**
   * @param session to be used through this one alone from now on, and closed by it
   */
  public CheckedSession(Session session) {
    this.session = session;
    plan = session.placed().plan();
    makesBatch = plan.batchStep().isPresent();
    updates = plan.steps(Update.class).findAny().isPresent();
  }

  @Override
  public PlacedPlan placed() {
    return session.placed();
  }

  @Override
  public int stride() {
    return session.stride();
  }

  @Override
  public void write(TensorSpec tensor, HostTensor values) {
    requireOpen();
    requirePlaced(tensor);
    if (!values.shape().equals(tensor.shape())) {
      throw new IllegalArgumentException(
          Text.of("%s takes values of %s, not %s", tensor, tensor.shape(), values.shape()));
    }
    plan.steps(SoftmaxCrossEntropy.class)
        .filter(loss -> loss.labels().equals(tensor))
        .forEach(loss -> requireClasses(loss, values.values()));
    session.write(tensor, values);
  }

  @Override
  public void fillRandomly(TensorSpec tensor, long seed) {
    requireOpen();
    requirePlaced(tensor);
    session.fillRandomly(tensor, seed);
  }

  @Override
  public HostTensor read(TensorSpec tensor) {
    requireOpen();
    requirePlaced(tensor);
    return session.read(tensor);
  }

  @Override
  public void load(Samples loaded) {
    requireOpen();
    MakeBatch batch =
        plan.batchStep()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        Text.of(
                            "the plan of %s makes no batches, so it takes no samples",
                            plan.network())));
    if (!loaded.image().equals(batch.spec().source())) {
      throw new IllegalArgumentException(
          Text.of(
              "the plan makes batches from images of %s, but those loaded are %s",
              batch.spec().source(), loaded.image()));
    }
    plan.steps(SoftmaxCrossEntropy.class)
        .filter(loss -> loss.labels().equals(batch.labels()))
        .forEach(loss -> requireClasses(loss, loaded));
    samples = Optional.empty();
    begun = false;
    session.load(loaded);
    samples = Optional.of(loaded);
  }

  @Override
  public void begin(Epoch epoch) {
    requireOpen();
    if (epoch.firstPlace() < 0) {
      throw new IllegalArgumentException(
          "places in a batch are counted from 0, not " + epoch.firstPlace());
    }
    int count = runs(epoch);
    begun = false;
    session.begin(
        new Epoch(
            epoch.seed(),
            epoch.firstStep(),
            epoch.order().clone(),
            epoch.learningRates().clone(),
            epoch.before(),
            epoch.firstPlace()));
    begun = true;
    runsOfEpoch = count;
    runs = 0;
  }

  /** How many runs the epoch has. */
  private int runs(Epoch epoch) {
    int rates = epoch.learningRates().length;
    if (!makesBatch) {
      return updates ? rates : Integer.MAX_VALUE;
    }
    requireSamples(epoch.order());
    int batches = epoch.order().length / plan.batch();
    if (updates && rates != batches) {
      throw new IllegalArgumentException(
          Text.of("an epoch of %d runs takes as many learning rates, not %d", batches, rates));
    }
    return batches;
  }

  private void requireSamples(int[] order) {
    int count =
        samples
            .orElseThrow(() -> new IllegalStateException("no samples are loaded for the batch"))
            .count();
    if (order.length % plan.batch() != 0) {
      throw new IllegalArgumentException(
          Text.of(
              "an order of %d samples is no multiple of the batch, %d",
              order.length, plan.batch()));
    }
    for (int index : order) {
      if (index < -1 || index >= count) {
        throw new IllegalArgumentException(
            Text.of("the order names sample %d of %d", index, count));
      }
    }
  }

  @Override
  public void run() {
    requireRunsLeft();
    session.run();
    runs++;
  }

  @Override
  public long[] runTimed() {
    requireRunsLeft();
    long[] nanoseconds = session.runTimed();
    runs++;
    return nanoseconds;
  }

  private void requireRunsLeft() {
    requireOpen();
    if (!makesBatch && !updates) {
      return;
    }
    if (!begun) {
      throw new IllegalStateException("no epoch has begun");
    }
    if (runs == runsOfEpoch) {
      throw new IllegalStateException(
          Text.of("the epoch has %d runs, and all are done", runsOfEpoch));
    }
  }

  @Override
  public Metrics metrics() {
    requireOpen();
    return session.metrics();
  }

  @Override
  public void close() {
    requireOwner();
    if (!closed) {
      closed = true;
      session.close();
    }
  }

  private void requireOpen() {
    requireOwner();
    if (closed) {
      throw new IllegalStateException("the session is closed");
    }
  }

  private void requireOwner() {
    if (Thread.currentThread() != owner) {
      throw new IllegalStateException(
          Text.of(
              "the session belongs to the thread %s and is used from %s",
              owner.getName(), Thread.currentThread().getName()));
    }
  }

  private void requirePlaced(TensorSpec tensor) {
    if (!session.placed().tensors().containsKey(tensor)) {
      throw new IllegalArgumentException(
          Text.of("the plan of %s has no tensor %s", plan.network(), tensor));
    }
  }

  private static void requireClasses(SoftmaxCrossEntropy loss, Samples loaded) {
    int classes = loss.logits().shape().dim(1);
    for (int i = 0; i < loaded.count(); i++) {
      int label = loaded.labels().get(i) & 0xff;
      if (label >= classes) {
        throw new IllegalArgumentException(
            Text.of("sample %d is of class %d, but the plan has %d classes", i, label, classes));
      }
    }
  }

  /** Labels below 0 stand for places that hold no sample. */
  private static void requireClasses(SoftmaxCrossEntropy loss, float[] labels) {
    int classes = loss.logits().shape().dim(1);
    for (float label : labels) {
      if (label >= classes) {
        throw new IllegalArgumentException(
            Text.of(
                "%s has class %d, but the plan has %d classes",
                loss.labels(), (int) label, classes));
      }
    }
  }
}
