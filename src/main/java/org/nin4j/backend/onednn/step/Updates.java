package org.nin4j.backend.onednn.step;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.bytedeco.dnnl.memory;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.plan.step.Adam;
import org.nin4j.plan.step.AdamUpdate;
import org.nin4j.plan.step.ClipFactor;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.SgdUpdate;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.Update;
import org.nin4j.plan.step.UpdateGroup;

/**
 * Optimizers over a group of parameters at once, see {@link RegionArithmetic}.
 *
 * <p>The gradients are only read: where what follows from them needs room, it lies in the
 * workspace, which at the end of a run has all the room that activations had before.
 */
public final class Updates {
  private final Dnnl dnnl;

  public Updates(Dnnl dnnl) {
    this.dnnl = dnnl;
  }

  /** Numbers that the arithmetic multiplies by, as they lie in what the step keeps. */
  private enum Factor {
    ONE,
    DECAY,
    FIRST,
    SECOND,
    REST_OF_FIRST,
    REST_OF_SECOND,
    EPSILON,
    KEPT,
    MINUS_RATE,
    AVERAGE,
    REST_OF_AVERAGE;

    /** Aligned as primitives like it. */
    static final int STRIDE = 16;

    int at() {
      return ordinal() * STRIDE;
    }
  }

  /** An update as it runs: its numbers, set before its arithmetic. */
  private final class Bound {
    private final Update step;
    private final Buffers buffers;
    private final FloatBuffer factors;
    final RegionArithmetic regions;
    final memory w;
    private memory gradient;

    Bound(Update step, Buffers buffers) {
      this.step = step;
      this.buffers = buffers;
      factors = buffers.residentBytes().asFloatBuffer();
      regions = new RegionArithmetic(dnnl, buffers, bytes(step) / Float.BYTES);
      w = of(step.group().parameters());
      gradient = of(step.group().gradients());
      set(Factor.ONE, 1);
    }

    memory of(List<TensorSpec> tensors) {
      return buffers.memory(regions.region(), tensors.get(0));
    }

    memory workspace(int number) {
      return buffers.workspace(regions.region(), number * bytes(step));
    }

    memory number(Factor which) {
      return buffers.resident(regions.single(), (long) which.at() * Float.BYTES);
    }

    void set(Factor which, double value) {
      factors.put(which.at(), (float) value);
    }

    /** The gradient, clipped, with what weight decay adds; in the workspace if anything is done. */
    memory gradient(float decay) {
      Optional<TensorSpec> clip = step.group().clip();
      if (decay > 0 || clip.isPresent()) {
        memory by =
            clip.map(c -> buffers.memory(regions.single(), c)).orElseGet(() -> number(Factor.ONE));
        set(Factor.DECAY, decay);
        regions.sum(by, gradient, number(Factor.DECAY), w, workspace(0));
        gradient = workspace(0);
      }
      return gradient;
    }

    /** w = a · w − rate · direction, and the running average; {@code numbers} sets the rest. */
    Operation.Kernel move(Factor kept, memory direction, Numbers numbers) {
      UpdateGroup group = step.group();
      regions.sum(number(kept), w, number(Factor.MINUS_RATE), direction, w);
      group
          .average()
          .ifPresent(
              average -> {
                memory a = of(average.values());
                regions.sum(number(Factor.AVERAGE), a, number(Factor.REST_OF_AVERAGE), w, a);
              });
      return run -> {
        numbers.set(group.rate() * (double) run.learningRate(), run.step());
        if (group.average().isPresent()) {
          double average = group.average().get().kept(run.step());
          set(Factor.AVERAGE, average);
          set(Factor.REST_OF_AVERAGE, 1 - average);
        }
        regions.execute();
      };
    }
  }

  /** Sets the numbers of a run, by its rate and the number of its step, from 0. */
  @FunctionalInterface
  private interface Numbers {
    void set(double rate, long step);
  }

  /** What becomes of an update's memory. */
  @FunctionalInterface
  private interface Rule {
    Operation.Kernel bind(Bound bound);
  }

  private static long bytes(Update step) {
    return step.group().parameters().stream().mapToLong(p -> Buffers.aligned(p.bytes())).sum();
  }

  private Operation operation(Update step, int workspaces, Rule rule) {
    return new Operation() {
      @Override
      public long workspace() {
        return workspaces * bytes(step);
      }

      @Override
      public long resident() {
        return (long) Factor.values().length * Factor.STRIDE * Float.BYTES;
      }

      @Override
      public Kernel bind(Buffers buffers) {
        return rule.bind(new Bound(step, buffers));
      }
    };
  }

  /** Stochastic gradient descent. */
  public Operation update(SgdUpdate step) {
    Sgd sgd = step.sgd();
    boolean changes = sgd.weightDecay() > 0 || step.group().clip().isPresent();
    return operation(
        step,
        changes || sgd.nesterov() ? 1 : 0,
        bound -> {
          memory one = bound.number(Factor.ONE);
          memory gradient = bound.gradient(sgd.weightDecay());
          memory direction = gradient;
          if (sgd.momentum() > 0) {
            bound.set(Factor.FIRST, sgd.momentum());
            memory momentum = bound.number(Factor.FIRST);
            memory v = bound.of(step.velocities());
            bound.regions.sum(momentum, v, one, gradient, v);
            direction = v;
            if (sgd.nesterov()) {
              memory between = bound.workspace(0);
              bound.regions.sum(one, gradient, momentum, v, between);
              direction = between;
            }
          }
          return bound.move(
              Factor.ONE, direction, (rate, number) -> bound.set(Factor.MINUS_RATE, -rate));
        });
  }

  /**
   * Adam. With c = 1 − βᵗ, m / c₁ / (√v / √c₂ + ε) = √c₂ / c₁ · m / (√v + ε√c₂), whose numbers are
   * all single ones.
   */
  public Operation update(AdamUpdate step) {
    Adam adam = step.adam();
    return operation(
        step,
        2,
        bound -> {
          RegionArithmetic regions = bound.regions;
          memory one = bound.number(Factor.ONE);
          bound.set(Factor.FIRST, adam.beta1());
          bound.set(Factor.REST_OF_FIRST, 1 - adam.beta1());
          bound.set(Factor.SECOND, adam.beta2());
          bound.set(Factor.REST_OF_SECOND, 1 - adam.beta2());
          memory gradient = bound.gradient(adam.decoupled() ? 0 : adam.weightDecay());
          memory m = bound.of(step.means());
          memory v = bound.of(step.squares());
          memory quotient = bound.workspace(0);
          memory root = bound.workspace(1);
          regions.sum(
              bound.number(Factor.FIRST), m, bound.number(Factor.REST_OF_FIRST), gradient, m);
          regions.product(one, gradient, one, gradient, root);
          regions.sum(bound.number(Factor.SECOND), v, bound.number(Factor.REST_OF_SECOND), root, v);
          regions.root(v, root);
          regions.plus(one, root, bound.number(Factor.EPSILON), root);
          regions.quotient(one, m, root, quotient);
          return bound.move(
              Factor.KEPT,
              quotient,
              (rate, number) -> {
                double root2 = Math.sqrt(adam.correction2(number + 1));
                bound.set(Factor.EPSILON, adam.epsilon() * root2);
                bound.set(Factor.MINUS_RATE, -rate * root2 / adam.correction1(number + 1));
                bound.set(Factor.KEPT, adam.decoupled() ? 1 - rate * adam.weightDecay() : 1);
              });
        });
  }

  /** Independent sums at a time, so that one addition does not wait for the other. */
  private static final int SUMS = 8;

  /** The factor of clipping, summed in Java: oneDNN has reductions as reference code only. */
  public Operation factor(ClipFactor step) {
    long bytes = step.gradients().stream().mapToLong(g -> Buffers.aligned(g.bytes())).sum();
    return buffers -> {
      FloatBuffer gradients = buffers.floats(step.gradients().get(0), bytes);
      FloatBuffer factor = buffers.floats(step.factor());
      double[] sums = new double[SUMS];
      return run -> factor.put(0, step.factor(squares(gradients, sums)));
    };
  }

  private static double squares(FloatBuffer values, double[] sums) {
    Arrays.fill(sums, 0);
    int count = values.capacity();
    for (int i = 0; i < count; i += SUMS) {
      for (int j = 0; j < SUMS; j++) {
        double value = values.get(i + j);
        sums[j] += value * value;
      }
    }
    double sum = 0;
    for (double part : sums) {
      sum += part;
    }
    return sum;
  }
}
