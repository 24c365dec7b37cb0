package org.nin4j.train;

import java.util.LinkedHashMap;
import java.util.Map;
import org.nin4j.backend.Session;
import org.nin4j.plan.TensorSpec;
import org.nin4j.plan.TensorSpec.Role;
import org.nin4j.tensor.HostTensor;

/** Whole roles of tensors, to and from sessions. */
final class Parameters {
  private Parameters() {}

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
