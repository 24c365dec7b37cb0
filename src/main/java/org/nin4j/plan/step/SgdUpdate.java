package org.nin4j.plan.step;

import java.util.List;

/**
 * {@link Sgd} over a group of parameters.
 *
 * @param velocities one for each parameter, or none without momentum
 */
public record SgdUpdate(Sgd sgd, UpdateGroup group, List<TensorSpec> velocities) implements Update {
  public SgdUpdate {
    velocities = List.copyOf(velocities);
    TensorRules rules = TensorRules.of("update", SgdUpdate.class);
    rules.require(
        velocities.isEmpty() == (sgd.momentum() == 0), "momentum needs velocities, and alone");
    if (!velocities.isEmpty()) {
      rules.alikeOneByOne(group.parameters(), velocities);
    }
  }

  @Override
  public List<List<TensorSpec>> states() {
    return velocities.isEmpty() ? List.of() : List.of(velocities);
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
