package org.nin4j.plan.step;

import java.util.List;
import java.util.stream.Stream;
import org.nin4j.tensor.DType;

/** {@link Sgd} over all parameters; the rate is the session's for this step. */
public record SgdUpdate(
    Sgd sgd, List<TensorSpec> parameters, List<TensorSpec> gradients, List<TensorSpec> velocities)
    implements Step {
  public SgdUpdate {
    parameters = List.copyOf(parameters);
    gradients = List.copyOf(gradients);
    velocities = List.copyOf(velocities);
    if (gradients.size() != parameters.size()
        || velocities.size() != (sgd.momentum() == 0 ? 0 : parameters.size())) {
      throw new IllegalArgumentException(
          "an update needs a gradient for each parameter, and a velocity for each if it has"
              + " momentum");
    }
    TensorRules rules = TensorRules.of("update", SgdUpdate.class);
    for (int i = 0; i < parameters.size(); i++) {
      rules.type(DType.F32, parameters.get(i)).alike(parameters.get(i), gradients.get(i));
    }
    for (int i = 0; i < velocities.size(); i++) {
      rules.alike(parameters.get(i), velocities.get(i));
    }
  }

  @Override
  public String layer() {
    return "update";
  }

  @Override
  public List<TensorSpec> reads() {
    return Stream.of(parameters, gradients, velocities).flatMap(List::stream).toList();
  }

  @Override
  public List<TensorSpec> writes() {
    return Stream.of(parameters, velocities).flatMap(List::stream).toList();
  }

  @Override
  public <R> R accept(StepVisitor<R> visitor) {
    return visitor.visit(this);
  }
}
