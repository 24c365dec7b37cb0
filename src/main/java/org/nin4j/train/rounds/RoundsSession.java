package org.nin4j.train.rounds;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Metrics;
import org.nin4j.backend.Samples;
import org.nin4j.backend.Session;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.Plan;
import org.nin4j.plan.step.ClipFactor;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.plan.step.Update;
import org.nin4j.tensor.HostTensor;
import org.nin4j.text.Text;

/**
 * A training in rounds; {@code CheckedSession} keeps the contract around it. The last run of a
 * round computes all of it, the others note that they are asked for.
 */
final class RoundsSession implements Session {
  private final PlacedPlan placed;
  private final Rounds rounds;
  private final Workers workers;
  private final int batch;
  private final Layout told;
  private final Layout returned;

  /** The parameters, state and optimizer's state as the last round left them. */
  private final Map<TensorSpec, HostTensor> values = new HashMap<>();

  /** What is done here with what tasks return; empty where that is taken as it is. */
  private final Optional<Session> update;

  private Epoch epoch = new Epoch(0, 0, new int[0], new float[0]);
  private Metrics metrics = Metrics.NONE;
  private int done;
  private int asked;

  /**
   * @param placed of the whole training, the outer step included
   */
  RoundsSession(
      PlacedPlan placed, Rounds rounds, Optional<Update> outer, Backend here, Workers workers) {
    this.placed = placed;
    this.rounds = rounds;
    this.workers = workers;
    Plan plan = placed.plan();
    batch = plan.batch();
    told = rounds.told(plan);
    returned = rounds.returned(plan);
    Layout.of(plan, Rounds::isTrained)
        .tensors()
        .forEach(t -> values.put(t, HostTensor.zeros(t.shape())));
    List<Step> steps =
        rounds.gradients()
            ? plan.steps().stream()
                .filter(s -> s instanceof Update || s instanceof ClipFactor)
                .toList()
            : outer.<List<Step>>map(List::of).orElse(List.of());
    update =
        steps.isEmpty()
            ? Optional.empty()
            : Optional.of(
                here.bind(
                    here.prepare(
                        new Plan(plan.network(), batch, plan.precision(), steps, Set.of()))));
  }

  @Override
  public PlacedPlan placed() {
    return placed;
  }

  @Override
  public int stride() {
    return rounds.localSteps();
  }

  @Override
  public void write(TensorSpec tensor, HostTensor given) {
    held(tensor);
    values.put(tensor, copy(given));
  }

  @Override
  public HostTensor read(TensorSpec tensor) {
    return copy(held(tensor));
  }

  private HostTensor held(TensorSpec tensor) {
    return Optional.ofNullable(values.get(tensor))
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    tensor + " is not held where many train: parameters and state are"));
  }

  private static HostTensor copy(HostTensor tensor) {
    return new HostTensor(tensor.shape(), tensor.values().clone());
  }

  @Override
  public void load(Samples samples) {
    workers.load(samples);
  }

  @Override
  public void begin(Epoch begun) {
    if (begun.firstPlace() != 0) {
      throw new IllegalArgumentException("a batch that is divided is no part of another");
    }
    epoch = begun;
    metrics = begun.before();
    done = 0;
    asked = 0;
  }

  @Override
  public void run() {
    asked++;
    int steps = Math.min(rounds.localSteps(), epoch.learningRates().length - done);
    if (asked - done == steps) {
      round(steps);
      done = asked;
    }
  }

  private void round(int steps) {
    Round round =
        new Round(
            epoch.seed(),
            epoch.firstStep() + done,
            batch,
            Arrays.copyOfRange(epoch.order(), done * batch, (done + steps) * batch),
            Arrays.copyOfRange(epoch.learningRates(), done, done + steps),
            told.join(values::get));
    List<Round.Part> parts = workers.compute(round);
    if (parts.size() != rounds.tasks()) {
      throw new BackendException(
          Text.of("%d of %d tasks have returned", parts.size(), rounds.tasks()));
    }
    Map<TensorSpec, HostTensor> mean = new HashMap<>();
    returned.split(Round.mean(parts), mean::put);
    metrics = Round.sum(metrics, parts);
    if (update.isPresent()) {
      update(update.get(), round, mean);
    } else {
      values.putAll(mean);
    }
  }

  /** Gradients by the training's optimizer, changes by the outer step. */
  private void update(Session session, Round round, Map<TensorSpec, HostTensor> mean) {
    Plan plan = session.placed().plan();
    List<TensorSpec> parameters = plan.tensors(Role.PARAMETER);
    float rate = round.rates()[0];
    if (!rounds.gradients()) {
      rate = rounds.outer().orElseThrow().rate();
      for (TensorSpec parameter : parameters) {
        mean.put(Rounds.change(parameter), minus(values.get(parameter), mean.remove(parameter)));
      }
    }
    plan.tensors(Role.PARAMETER_GRADIENT).forEach(t -> session.write(t, mean.remove(t)));
    // What is left is what tasks bring to its new values themselves.
    values.putAll(mean);
    List<TensorSpec> updated = Layout.of(plan, Rounds::isTrained).tensors();
    updated.forEach(t -> session.write(t, values.get(t)));
    session.begin(new Epoch(round.seed(), round.firstStep(), new int[0], new float[] {rate}));
    session.run();
    updated.forEach(t -> values.put(t, session.read(t)));
  }

  private static HostTensor minus(HostTensor from, HostTensor what) {
    HostTensor difference = HostTensor.zeros(from.shape());
    for (int i = 0; i < difference.values().length; i++) {
      difference.values()[i] = from.values()[i] - what.values()[i];
    }
    return difference;
  }

  @Override
  public Metrics metrics() {
    return metrics;
  }

  @Override
  public long[] runTimed() {
    throw new BackendException("steps are not timed where many train; train on one machine");
  }

  @Override
  public void close() {
    update.ifPresent(Session::close);
  }
}
