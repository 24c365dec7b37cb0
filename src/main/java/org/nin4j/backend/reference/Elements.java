package org.nin4j.backend.reference;

import org.nin4j.tensor.Philox;

/** What looks at one element at a time. */
final class Elements {
  private Elements() {}

  static void relu(View x, View y) {
    for (int e = 0; e < x.size(); e++) {
      y.set(e, Math.max(x.get(e), 0f));
    }
  }

  static void reluBackward(View y, View dy, View dx) {
    for (int e = 0; e < y.size(); e++) {
      dx.set(e, y.get(e) > 0 ? dy.get(e) : 0);
    }
  }

  /** Forward and backward alike: what was dropped stays 0, what was kept is scaled. */
  static void dropout(float probability, long seed, int step, int stream, View x, View y) {
    Philox.Sequence random = new Philox.Sequence(seed, step, stream);
    for (int e = 0; e < x.size(); e++) {
      boolean keep = random.nextUniform() >= probability;
      y.set(e, keep ? x.get(e) / (1.0 - probability) : 0);
    }
  }

  static void copy(View x, View y) {
    System.arraycopy(x.arena(), x.offset(), y.arena(), y.offset(), x.size());
  }
}
