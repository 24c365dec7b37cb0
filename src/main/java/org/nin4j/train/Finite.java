package org.nin4j.train;

import java.util.Map;
import org.nin4j.backend.Session;
import org.nin4j.tensor.HostTensor;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.Parameters;
import org.nin4j.train.checkpoint.Position;

/** What a training begins with, reports and saves is finite, or it ends, saying what is not. */
final class Finite {
  private static final String THE_OPTIMIZERS = "the optimizer's ";

  private Finite() {}

  /** The session's parameters and state. */
  static Map<String, HostTensor> parameters(Session session, Position at) {
    return require(Parameters.read(session), "", at);
  }

  static Map<String, HostTensor> optimizerState(Session session, Position at) {
    return require(Parameters.readOptimizer(session), THE_OPTIMIZERS, at);
  }

  private static Map<String, HostTensor> require(
      Map<String, HostTensor> values, String whose, Position at) {
    values.forEach(
        (name, tensor) ->
            tensor.firstNotFinite().ifPresent(value -> require(value, whose + name, at)));
    return values;
  }

  static void require(double value, String what, Position at) {
    if (!Double.isFinite(value)) {
      throw new NumericalException(
          Text.of(
              "%s became %s by epoch %d, step %d; a lower learning rate or a longer warm-up would help",
              what, name(value), at.epoch() + 1, at.step()),
          at);
    }
  }

  static void requireBeginning(Checkpoint from) {
    from.parameters().forEach((name, tensor) -> requireBeginning(tensor, name, from));
    from.optimizerState()
        .forEach((name, tensor) -> requireBeginning(tensor, THE_OPTIMIZERS + name, from));
  }

  private static void requireBeginning(HostTensor tensor, String what, Checkpoint from) {
    tensor
        .firstNotFinite()
        .ifPresent(
            value -> {
              throw new NumericalException(
                  Text.of(
                      "%s is %s where the training begins, %s",
                      what, name(value), from.position()));
            });
  }

  private static String name(double value) {
    return Double.isNaN(value) ? "NaN" : "infinite";
  }
}
