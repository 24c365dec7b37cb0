package org.nin4j.train.rounds;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.nin4j.backend.Backend;
import org.nin4j.backend.CheckedSession;
import org.nin4j.backend.Session;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.plan.step.Update;
import org.nin4j.plan.step.UpdateGroup;
import org.nin4j.text.Text;

/**
 * Many devices as one: trains in {@link Rounds} that workers compute; what changes no parameter,
 * such as an evaluation, is computed here.
 *
 * <p>A training's session has the parameters, state and optimizer's state to be read, and nothing
 * else; its steps are not timed.
 */
public final class RoundsBackend implements Backend {
  private final Backend here;
  private final Rounds rounds;
  private final Workers workers;

  /**
   * @param here makes the updates, and computes what is no training; closed by the caller
   * @param workers closed with this
   */
  public RoundsBackend(Backend here, Rounds rounds, Workers workers) {
    this.here = here;
    this.rounds = rounds;
    this.workers = workers;
  }

  @Override
  public String name() {
    return here.name();
  }

  @Override
  public boolean computesIn(Precision precision) {
    return here.computesIn(precision);
  }

  @Override
  public boolean multipliesLess(Plan plan, Step step) {
    return here.multipliesLess(plan, step);
  }

  @Override
  public Optional<String> way(Plan plan, Step step) {
    return here.way(plan, step);
  }

  @Override
  public String description() {
    return Text.of(
        "%d tasks of %s; here: %s",
        rounds.tasks(),
        rounds.localSteps() == 1 ? "1 step" : rounds.localSteps() + " steps",
        here.description());
  }

  /**
   * @throws IllegalArgumentException if the batch cannot be divided among the tasks
   */
  @Override
  public PlacedPlan prepare(Plan plan) {
    if (!trains(plan)) {
      return here.prepare(plan);
    }
    rounds.part(plan.batch());
    List<Step> all = Stream.concat(plan.steps().stream(), outer(plan).stream()).toList();
    return here.prepare(plan.withSteps(all));
  }

  @Override
  public Session bind(PlacedPlan placed) {
    return trains(placed.plan())
        ? new CheckedSession(new RoundsSession(placed, rounds, outer(placed.plan()), here, workers))
        : here.bind(placed);
  }

  private static boolean trains(Plan plan) {
    return plan.batchStep().isPresent() && plan.steps(Update.class).findAny().isPresent();
  }

  /** The step that takes the mean change of all parameters for a gradient. */
  private Optional<Update> outer(Plan plan) {
    List<TensorSpec> parameters = plan.tensors(Role.PARAMETER);
    return rounds
        .outer()
        .map(
            outer ->
                outer
                    .sgd()
                    .update(
                        new UpdateGroup(
                            parameters,
                            parameters.stream().map(Rounds::change).toList(),
                            1,
                            Optional.empty(),
                            Optional.empty()),
                        what -> parameters.stream().map(Rounds::velocity).toList()));
  }

  @Override
  public OptionalLong freeBytes() {
    return here.freeBytes();
  }

  @Override
  public void close() {
    workers.close();
  }
}
