package org.nin4j.train.rounds;

import java.util.Optional;
import org.nin4j.model.Network;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.Learning;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.recipe.Recipe;

/**
 * How a training is divided. Each batch has K parts of the same size, one for each task.
 *
 * <ul>
 *   <li>H = 1: a task computes the gradients of its part; their mean over all samples makes one
 *       update, as one machine makes it that adds up the parts in the same order. Synchronous
 *       gradient descent.
 *   <li>H &gt; 1: a task takes H steps on its part of H batches; the mean of what they end with is
 *       where the next round begins, optimizers' state included. Source: Stich, "Local SGD
 *       converges fast and communicates little", 2018.
 *   <li>With an outer step, the mean change of the parameters is taken as a gradient. Source:
 *       Douillard et al., "DiLoCo: distributed low-communication training of language models",
 *       2023.
 * </ul>
 *
 * @param tasks K
 * @param localSteps H
 * @param outer what is made of the mean change; empty takes it as it is
 */
public record Rounds(int tasks, int localSteps, Optional<Outer> outer) {
  private static final String VELOCITY = ".outer";

  /**
   * Nesterov's step along the mean change d of the parameters w: v ← momentum·v + d, w ← w + rate ·
   * (d + momentum·v).
   *
   * @param rate above 0; DiLoCo's is 0.7
   * @param momentum in [0, 1); DiLoCo's is 0.9
   */
  public record Outer(float rate, float momentum) {
    public Outer {
      if (!(rate > 0 && rate < Float.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException("the outer rate is above 0, not " + rate);
      }
      if (!(momentum >= 0 && momentum < 1)) {
        throw new IllegalArgumentException("the outer momentum is in [0, 1), not " + momentum);
      }
    }

    Sgd sgd() {
      return momentum == 0 ? Sgd.PLAIN : new Sgd(momentum, true, 0);
    }
  }

  public Rounds {
    if (tasks < 1) {
      throw new IllegalArgumentException("a round has at least 1 task, not " + tasks);
    }
    if (localSteps < 1) {
      throw new IllegalArgumentException("a round has at least 1 local step, not " + localSteps);
    }
  }

  /** Whether tasks return gradients, and not what they have learned. */
  boolean gradients() {
    return localSteps == 1 && outer.isEmpty();
  }

  /**
   * The samples of a task's part of a batch.
   *
   * @throws IllegalArgumentException if the batch cannot be divided
   */
  public int part(int batch) {
    if (batch % tasks != 0) {
      throw new IllegalArgumentException(
          Text.of(
              "a batch of %d cannot be divided among %d tasks; take a multiple of %d",
              batch, tasks, tasks));
    }
    return batch / tasks;
  }

  /**
   * What a task computes in a step, in the recipe's precision.
   *
   * @param image (channels, height, width) of the stored images
   */
  public Plan taskPlan(Recipe recipe, Network network, Shape image) {
    Optional<Learning> learning = gradients() ? Optional.empty() : Optional.of(recipe.learning());
    return Planner.plan(
        network,
        recipe.trainingImages(image),
        part(recipe.batch()),
        recipe.precision(),
        new Purpose.Training(learning, recipe.labelSmoothing()));
  }

  /**
   * What tasks are told.
   *
   * @param plan of a task or of the whole training
   */
  Layout told(Plan plan) {
    return gradients()
        ? Layout.of(plan, t -> t.role() == Role.PARAMETER || t.role() == Role.STATE)
        : Layout.of(plan, t -> isTrained(t) && !isVelocity(t));
  }

  /** What tasks return, by the same plans. */
  Layout returned(Plan plan) {
    return gradients()
        ? Layout.of(plan, t -> t.role() == Role.PARAMETER_GRADIENT || t.role() == Role.STATE)
        : told(plan);
  }

  /** Whether it goes on from step to step. */
  static boolean isTrained(TensorSpec tensor) {
    return switch (tensor.role()) {
      case PARAMETER, STATE, OPTIMIZER_STATE -> true;
      case PARAMETER_GRADIENT, ACTIVATION, DERIVED -> false;
    };
  }

  /** The change of a parameter, in the place of a gradient. */
  static TensorSpec change(TensorSpec parameter) {
    return new TensorSpec(
        parameter.name() + ".change", parameter.shape(), DType.F32, Role.PARAMETER_GRADIENT);
  }

  /** What the outer step remembers of a parameter. */
  static TensorSpec velocity(TensorSpec parameter) {
    return new TensorSpec(
        parameter.name() + VELOCITY, parameter.shape(), DType.F32, Role.OPTIMIZER_STATE);
  }

  private static boolean isVelocity(TensorSpec tensor) {
    return tensor.role() == Role.OPTIMIZER_STATE && tensor.name().endsWith(VELOCITY);
  }
}
