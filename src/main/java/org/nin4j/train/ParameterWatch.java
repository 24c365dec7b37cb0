package org.nin4j.train;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.nin4j.backend.Session;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;

/**
 * Looks for parameters that are not finite while a training runs: one tensor at a time, in turn,
 * where progress is told anyway. The loss alone does not show them everywhere: oneDNN's ReLU makes
 * 0 of NaN. It takes no more than a five-hundredth of the training's time, but for a few values
 * that cost next to nothing, so that a small network is seen whole each time, a network's values
 * are all seen within seconds, very large ones within minutes.
 */
final class ParameterWatch {
  private static final double MOST_SHARE = 0.002;

  /** Looked at each time, however long that takes. */
  private static final long LEAST_VALUES = 1 << 14;

  private final List<TensorSpec> tensors;
  private final long start = System.nanoTime();
  private long took;
  private int next;

  ParameterWatch(Session session) {
    tensors = session.placed().plan().tensors(Role.PARAMETER);
  }

  /** What was found. */
  record Found(String name, double value) {}

  /** Reads the least, and then as many tensors as there is time for, each once at most. */
  Optional<Found> look(Session session) {
    long begin = System.nanoTime();
    long spent = took;
    long seen = 0;
    for (int i = 0; i < tensors.size(); i++) {
      TensorSpec tensor = tensors.get(next);
      seen += tensor.shape().elements();
      if (seen > LEAST_VALUES && spent > MOST_SHARE * (begin - start)) {
        break;
      }
      next = (next + 1) % tensors.size();
      OptionalDouble value = session.read(tensor).firstNotFinite();
      if (value.isPresent()) {
        return Optional.of(new Found(tensor.name(), value.getAsDouble()));
      }
      spent = took + System.nanoTime() - begin;
    }
    took = spent;
    return Optional.empty();
  }
}
