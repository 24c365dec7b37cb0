package org.nin4j.train.checkpoint;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nin4j.backend.Session;
import org.nin4j.model.Network;
import org.nin4j.model.Parameter;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.plan.step.UpdateGroup;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.train.recipe.Recipe;

/**
 * What a trained network is: the values of its parameters and of its state (running means and
 * variances), together by name; to and from sessions.
 */
public final class Parameters {
  private Parameters() {}

  /** Parameters, then state, of a network for images of this shape. */
  public static List<Parameter> of(Network network, Shape input) {
    List<Parameter> all = new ArrayList<>(network.parameters(input));
    all.addAll(network.state(input));
    return all;
  }

  /** The values that a training starts from, for images of this shape. */
  public static Map<String, HostTensor> draw(Recipe recipe, Network network, Shape input) {
    Map<String, HostTensor> values = new LinkedHashMap<>();
    List<Parameter> parameters = of(network, input);
    for (int i = 0; i < parameters.size(); i++) {
      Parameter parameter = parameters.get(i);
      values.put(parameter.name(), recipe.initialisation().draw(parameter, i, recipe.seed()));
    }
    return values;
  }

  public static Map<String, HostTensor> read(Session session) {
    Map<String, HostTensor> values = read(session, Role.PARAMETER);
    values.putAll(read(session, Role.STATE));
    return values;
  }

  /**
   * Writes all parameters and state.
   *
   * @throws CheckpointException if there is no value for one of them; the message names it
   */
  public static void write(Session session, Map<String, HostTensor> values) {
    write(session, Role.PARAMETER, values);
    write(session, Role.STATE, values);
  }

  /** The running averages in the place of the parameters that have one, else the parameters. */
  public static Map<String, HostTensor> averaged(
      Map<String, HostTensor> parameters, Map<String, HostTensor> optimizerState) {
    Map<String, HostTensor> values = new LinkedHashMap<>(parameters);
    values.replaceAll(
        (name, value) -> optimizerState.getOrDefault(UpdateGroup.Average.name(name), value));
    return values;
  }

  /** The optimizer's state, empty where it keeps none. */
  public static Map<String, HostTensor> readOptimizer(Session session) {
    return read(session, Role.OPTIMIZER_STATE);
  }

  /** Writes the optimizer's state; where there is none at all, it stays at its beginning. */
  public static void writeOptimizer(Session session, Map<String, HostTensor> values) {
    if (!values.isEmpty()) {
      write(session, Role.OPTIMIZER_STATE, values);
    }
  }

  private static Map<String, HostTensor> read(Session session, Role role) {
    Map<String, HostTensor> values = new LinkedHashMap<>();
    for (TensorSpec tensor : session.placed().plan().tensors(role)) {
      values.put(tensor.name(), session.read(tensor));
    }
    return values;
  }

  private static void write(Session session, Role role, Map<String, HostTensor> values) {
    for (TensorSpec tensor : session.placed().plan().tensors(role)) {
      HostTensor value = values.get(tensor.name());
      if (value == null) {
        throw new CheckpointException("there are no values for " + tensor.name());
      }
      session.write(tensor, value);
    }
  }
}
