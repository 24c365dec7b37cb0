package org.nin4j.train;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nin4j.backend.Session;
import org.nin4j.model.Network;
import org.nin4j.model.Parameter;
import org.nin4j.plan.TensorSpec;
import org.nin4j.plan.TensorSpec.Role;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;

/** Whole roles of tensors, to and from sessions. */
final class Parameters {
  private Parameters() {}

  /** The parameters that a training starts from, for images of this shape. */
  static Map<String, HostTensor> draw(Recipe recipe, Network network, Shape input) {
    Map<String, HostTensor> values = new LinkedHashMap<>();
    List<Parameter> parameters = network.parameters(input);
    for (int i = 0; i < parameters.size(); i++) {
      Parameter parameter = parameters.get(i);
      values.put(parameter.name(), recipe.initialisation().draw(parameter, i, recipe.seed()));
    }
    return values;
  }

  static Map<String, HostTensor> read(Session session, Role role) {
    Map<String, HostTensor> values = new LinkedHashMap<>();
    for (TensorSpec tensor : session.placed().plan().tensors(role)) {
      values.put(tensor.name(), session.read(tensor));
    }
    return values;
  }

  /** Writes those tensors that there are values for. */
  static void write(Session session, Role role, Map<String, HostTensor> values) {
    for (TensorSpec tensor : session.placed().plan().tensors(role)) {
      if (values.containsKey(tensor.name())) {
        session.write(tensor, values.get(tensor.name()));
      }
    }
  }
}
