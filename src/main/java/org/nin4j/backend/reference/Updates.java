package org.nin4j.backend.reference;

import java.util.List;
import java.util.Optional;
import org.nin4j.plan.step.Adam;
import org.nin4j.plan.step.ClipFactor;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.UpdateGroup;

/** What changes the parameters. */
final class Updates {
  private Updates() {}

  /** The sum over all gradients, in order. */
  static void clipFactor(ClipFactor step, List<View> gradients, View factor) {
    double squares = 0;
    for (View gradient : gradients) {
      for (int e = 0; e < gradient.size(); e++) {
        double g = gradient.get(e);
        squares += g * g;
      }
    }
    factor.set(0, step.factor(squares));
  }

  /** The gradients of one parameter, times the clip factor where there is one. */
  record Gradient(View values, Optional<View> clip) {
    double get(int e) {
      return clip.isPresent() ? clip.get().get(0) * values.get(e) : values.get(e);
    }
  }

  static void sgd(Sgd sgd, double rate, View w, Gradient dw, Optional<View> velocity) {
    for (int e = 0; e < w.size(); e++) {
      double g = dw.get(e) + (double) sgd.weightDecay() * w.get(e);
      double direction = g;
      if (velocity.isPresent()) {
        double v = (double) sgd.momentum() * velocity.get().get(e) + g;
        velocity.get().set(e, v);
        direction = sgd.nesterov() ? g + sgd.momentum() * v : v;
      }
      w.set(e, w.get(e) - rate * direction);
    }
  }

  /** Step number {@code step}, from 0. */
  static void adam(Adam adam, double rate, long step, View w, Gradient dw, View mean, View square) {
    double correction1 = adam.correction1(step + 1);
    double correction2 = adam.correction2(step + 1);
    double decay = adam.weightDecay();
    for (int e = 0; e < w.size(); e++) {
      double g = dw.get(e) + (adam.decoupled() ? 0 : decay * w.get(e));
      double m = adam.beta1() * mean.get(e) + (1 - adam.beta1()) * g;
      double v = adam.beta2() * square.get(e) + (1 - adam.beta2()) * g * g;
      mean.set(e, m);
      square.set(e, v);
      double kept = w.get(e) * (adam.decoupled() ? 1 - rate * decay : 1);
      double root = Math.sqrt(v) / Math.sqrt(correction2) + adam.epsilon();
      w.set(e, kept - rate / correction1 * m / root);
    }
  }

  /** After the update of step number {@code step}, from 0. */
  static void average(UpdateGroup.Average average, long step, View w, View a) {
    double kept = average.kept(step);
    for (int e = 0; e < w.size(); e++) {
      a.set(e, kept * a.get(e) + (1 - kept) * w.get(e));
    }
  }
}
