package org.nin4j.backend.reference;

import java.util.Optional;
import org.nin4j.plan.step.Sgd;

/** What changes the parameters. */
final class Updates {
  private Updates() {}

  static void sgd(Sgd sgd, float rate, View w, View dw, Optional<View> velocity) {
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
}
