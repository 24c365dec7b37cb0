package org.nin4j.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Session;
import org.nin4j.data.ImageDataset;
import org.nin4j.model.Network;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.HostTensor;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.Parameters;
import org.nin4j.train.checkpoint.Position;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.session.Images;

/**
 * Finds where numbers stopped being finite. A training repeats its bits: from the last good state
 * it is run again, waiting for each step, to the step that spoils it; then once more to just before
 * that step, which a plan that keeps every result and updates nothing computes at last. Its results
 * are looked at in the order of the plan.
 */
final class Origin {
  private final Backend backend;
  private final Recipe recipe;
  private final Network network;
  private final ImageDataset images;
  private final Epochs epochs;

  /**
   * Of a training by a recipe.
   *
   * @param images that it trains on, as they are loaded
   * @param epochs what its session is given
   */
  Origin(Backend backend, Recipe recipe, Network network, ImageDataset images, Epochs epochs) {
    this.backend = backend;
    this.recipe = recipe;
    this.network = network;
    this.images = images;
    this.epochs = epochs;
  }

  /**
   * Runs the training again.
   *
   * @param session of the training, which is of no use afterwards
   * @param good the last state that was finite
   * @param found where in the same epoch it was found that it no longer is
   * @return a line for people
   */
  String find(Session session, Checkpoint good, Position found) {
    int most = found.step() - good.position().step();
    restart(session, good, most);
    int bad = 1;
    for (; bad < most; bad++) {
      session.run();
      if (!Double.isFinite(session.metrics().lossSum())
          || firstOf(Parameters.read(session)).isPresent()) {
        break;
      }
    }
    restart(session, good, most);
    for (int i = 1; i < bad; i++) {
      session.run();
    }
    Map<String, HostTensor> before = Parameters.read(session);
    int step = good.position().step() + bad;
    return Text.of(
        "first in epoch %d, step %d: %s",
        good.position().epoch() + 1, step, look(before, good.position().epoch(), step));
  }

  private void restart(Session session, Checkpoint good, int runs) {
    Parameters.write(session, good.parameters());
    if (good.optimizerState().isEmpty()) {
      // As at a training's beginning: the session has what the failure left.
      session
          .placed()
          .plan()
          .tensors(Role.OPTIMIZER_STATE)
          .forEach(state -> session.write(state, HostTensor.zeros(state.shape())));
    }
    Parameters.writeOptimizer(session, good.optimizerState());
    Position at = good.position();
    session.begin(epochs.part(at.epoch(), at.step(), runs, at.sums()));
  }

  /** Computes one step and looks at all of its results. */
  private String look(Map<String, HostTensor> parameters, int epoch, int step) {
    Optional<String> spoiled = firstOf(parameters);
    if (spoiled.isPresent()) {
      return spoiled.get() + " before anything is computed";
    }
    Plan plan =
        Planner.plan(
            network,
            recipe.trainingImages(Images.shape(images)),
            recipe.batch(),
            recipe.precision(),
            new Purpose.Training(Optional.empty(), recipe.purpose().labelSmoothing()));
    List<TensorSpec> kept = new ArrayList<>();
    for (Step each : plan.steps()) {
      each.writes().stream().filter(tensor -> tensor.role() == Role.ACTIVATION).forEach(kept::add);
    }
    Epoch one = epochs.part(epoch, step - 1, 1, Position.atEpoch(epoch).sums());
    try (Session session = backend.bind(backend.prepare(plan.keeping(kept)))) {
      session.load(Images.samples(images));
      Parameters.write(session, parameters);
      session.begin(one);
      session.run();
      for (Step each : plan.steps()) {
        for (TensorSpec tensor : each.writes()) {
          Optional<String> what = isReal(tensor) ? what(session.read(tensor)) : Optional.empty();
          if (what.isPresent()) {
            return Text.of(
                "layer %s, %s, is the first whose result is not finite: %s has %s",
                each.layer(), each.kind(), tensor.name(), what.get());
          }
        }
      }
    }
    return Text.of(
        "all layers' results and all gradients are finite; the update by the rate %s is not",
        one.learningRates()[0]);
  }

  private static boolean isReal(TensorSpec tensor) {
    return tensor.type() == DType.F32 || tensor.type() == DType.BF16;
  }

  private static Optional<String> firstOf(Map<String, HostTensor> values) {
    return values.entrySet().stream()
        .flatMap(
            named -> what(named.getValue()).map(what -> named.getKey() + " has " + what).stream())
        .findFirst();
  }

  /** How much of a tensor is not finite, for people; empty where all is. */
  private static Optional<String> what(HostTensor tensor) {
    int nan = 0;
    int infinite = 0;
    for (float value : tensor.values()) {
      nan += Float.isNaN(value) ? 1 : 0;
      infinite += Float.isInfinite(value) ? 1 : 0;
    }
    return nan + infinite == 0
        ? Optional.empty()
        : Optional.of(
            Text.of("%d NaN and %d infinite of %d values", nan, infinite, tensor.values().length));
  }
}
