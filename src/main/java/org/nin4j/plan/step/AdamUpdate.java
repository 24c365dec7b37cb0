package org.nin4j.plan.step;

import java.util.List;

/**
 * {@link Adam} over a group of parameters; its step number is the training's.
 *
 * @param means m, one for each parameter
 * @param squares v, one for each parameter
 */
public record AdamUpdate(
    Adam adam, UpdateGroup group, List<TensorSpec> means, List<TensorSpec> squares)
    implements Update {
  public AdamUpdate {
    means = List.copyOf(means);
    squares = List.copyOf(squares);
    TensorRules.of("update", AdamUpdate.class)
        .alikeOneByOne(group.parameters(), means)
        .alikeOneByOne(group.parameters(), squares);
  }

  @Override
  public List<List<TensorSpec>> states() {
    return List.of(means, squares);
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
