package org.nin4j.backend.onednn;

import java.nio.FloatBuffer;
import org.nin4j.plan.Sgd;
import org.nin4j.plan.SgdUpdate;

/**
 * {@link Sgd} tensor by tensor. Values pass through small arrays, which the compiler vectorises
 * where it does not for buffers.
 */
final class SgdLoop implements Operation {
  private static final int CHUNK = 4096;

  private final SgdUpdate step;
  private final Team team;

  SgdLoop(SgdUpdate step, Team team) {
    this.step = step;
    this.team = team;
  }

  /** One thread's view of the parameters. */
  private final class Worker {
    private final FloatBuffer[] w;
    private final FloatBuffer[] dw;
    private final FloatBuffer[] v;
    private final float[] weights = new float[CHUNK];
    private final float[] gradients = new float[CHUNK];
    private final float[] velocities = new float[CHUNK];

    Worker(Places places) {
      w = step.parameters().stream().map(places::floats).toArray(FloatBuffer[]::new);
      dw = step.gradients().stream().map(places::floats).toArray(FloatBuffer[]::new);
      v = step.velocities().stream().map(places::floats).toArray(FloatBuffer[]::new);
    }

    void update(float rate, int part, int parts) {
      int chunk = 0;
      for (int t = 0; t < w.length; t++) {
        int size = w[t].capacity();
        for (int from = 0; from < size; from += CHUNK) {
          if (chunk++ % parts == part) {
            update(t, from, Math.min(CHUNK, size - from), rate);
          }
        }
      }
    }

    private void update(int t, int from, int count, float rate) {
      Sgd sgd = step.sgd();
      w[t].get(from, weights, 0, count);
      dw[t].get(from, gradients, 0, count);
      decay(sgd.weightDecay(), count);
      if (v.length > 0) {
        v[t].get(from, velocities, 0, count);
        accelerate(sgd.momentum(), sgd.nesterov(), count);
        v[t].put(from, velocities, 0, count);
      }
      descend(rate, count);
      w[t].put(from, weights, 0, count);
    }

    private void decay(float decay, int count) {
      for (int i = 0; i < count; i++) {
        gradients[i] += decay * weights[i];
      }
    }

    private void accelerate(float momentum, boolean nesterov, int count) {
      for (int i = 0; i < count; i++) {
        velocities[i] = momentum * velocities[i] + gradients[i];
      }
      float ofGradient = nesterov ? 1 : 0;
      float ofVelocity = nesterov ? momentum : 1;
      for (int i = 0; i < count; i++) {
        gradients[i] = ofGradient * gradients[i] + ofVelocity * velocities[i];
      }
    }

    private void descend(float rate, int count) {
      for (int i = 0; i < count; i++) {
        weights[i] -= rate * gradients[i];
      }
    }
  }

  @Override
  public Kernel bind(Places places) {
    Worker[] workers = new Worker[team.size()];
    for (int part = 0; part < workers.length; part++) {
      workers[part] = new Worker(places);
    }
    return new Kernel() {
      private float rate;
      private final Team.Work work = (part, parts) -> workers[part].update(rate, part, parts);

      @Override
      public void run(Run run) {
        rate = run.learningRates[run.index];
        team.run(work);
      }
    };
  }
}
