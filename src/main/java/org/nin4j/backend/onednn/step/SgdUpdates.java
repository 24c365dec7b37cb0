package org.nin4j.backend.onednn.step;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_ATTR_SCALES;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC_0;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC_1;

import java.nio.FloatBuffer;
import java.util.List;
import org.bytedeco.dnnl.binary;
import org.bytedeco.dnnl.global.dnnl.algorithm;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.primitive_attr;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Calls;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.SgdUpdate;
import org.nin4j.tensor.DType;

/**
 * {@link Sgd} over all parameters at once: sums a·x + b·y of whole regions of the arena, whose
 * factors are read when they run. Java's loops over memory outside its heap are several times
 * slower, since its compiler does not vectorise them.
 *
 * <p>The gradients are only read: where the direction is neither they nor the velocities, it lies
 * in the workspace, which at the end of a run has all the room that activations had before.
 */
public final class SgdUpdates {
  private final Dnnl dnnl;

  public SgdUpdates(Dnnl dnnl) {
    this.dnnl = dnnl;
  }

  /** The factors, as they lie in what the step keeps; aligned as primitives like it. */
  private enum Factor {
    ONE,
    DECAY,
    MOMENTUM,
    MINUS_RATE;

    static final int STRIDE = 16;

    int at() {
      return ordinal() * STRIDE;
    }
  }

  public Operation update(SgdUpdate step) {
    Sgd sgd = step.sgd();
    boolean decays = sgd.weightDecay() > 0;
    long bytes = step.parameters().stream().mapToLong(p -> Buffers.aligned(p.bytes())).sum();
    return new Operation() {
      @Override
      public long workspace() {
        return decays || sgd.nesterov() ? bytes : 0;
      }

      @Override
      public long resident() {
        return (long) Factor.values().length * Factor.STRIDE * Float.BYTES;
      }

      @Override
      public Kernel bind(Buffers buffers) {
        memory.desc region = Dnnl.vector(bytes / Float.BYTES, DType.F32);
        memory w = buffers.memory(region, step.parameters().get(0));
        memory gradient = buffers.memory(region, step.gradients().get(0));
        memory between = workspace() > 0 ? buffers.workspace(region, 0) : gradient;
        Sums sums = new Sums(buffers, region);
        if (decays) {
          sums.add(Factor.ONE, gradient, Factor.DECAY, w, between);
          gradient = between;
        }
        memory direction = gradient;
        if (sgd.momentum() > 0) {
          memory v = buffers.memory(region, step.velocities().get(0));
          sums.add(Factor.MOMENTUM, v, Factor.ONE, gradient, v);
          direction = v;
          if (sgd.nesterov()) {
            sums.add(Factor.ONE, gradient, Factor.MOMENTUM, v, between);
            direction = between;
          }
        }
        sums.add(Factor.ONE, w, Factor.MINUS_RATE, direction, w);
        FloatBuffer factors = buffers.residentBytes().asFloatBuffer();
        factors.put(Factor.ONE.at(), 1);
        factors.put(Factor.DECAY.at(), sgd.weightDecay());
        factors.put(Factor.MOMENTUM.at(), sgd.momentum());
        return run -> {
          factors.put(Factor.MINUS_RATE.at(), -run.learningRate());
          sums.calls.execute();
        };
      }
    };
  }

  /** The sums of one update. */
  private final class Sums {
    private final Buffers buffers;
    private final memory.desc factor = Dnnl.vector(1, DType.F32);
    private final binary.primitive_desc descriptor;
    private final Calls calls = new Calls(dnnl);

    Sums(Buffers buffers, memory.desc region) {
      this.buffers = buffers;
      primitive_attr scaled = Dnnl.withUserScratchpad();
      scaled.set_scales_mask(DNNL_ARG_SRC_0, 0);
      scaled.set_scales_mask(DNNL_ARG_SRC_1, 0);
      descriptor =
          new binary.primitive_desc(
              dnnl.engine(), algorithm.binary_add, region, region, region, scaled, false);
    }

    /** result = a · x + b · y; the result may be x or y. */
    void add(Factor a, memory x, Factor b, memory y, memory result) {
      calls.add(
          descriptor,
          new binary(descriptor),
          buffers,
          0,
          List.of(
              Calls.argument(DNNL_ARG_SRC_0, x),
              Calls.argument(DNNL_ARG_SRC_1, y),
              Calls.argument(DNNL_ARG_DST, result),
              Calls.argument(DNNL_ARG_ATTR_SCALES | DNNL_ARG_SRC_0, value(a)),
              Calls.argument(DNNL_ARG_ATTR_SCALES | DNNL_ARG_SRC_1, value(b))));
    }

    private memory value(Factor which) {
      return buffers.resident(factor, (long) which.at() * Float.BYTES);
    }
  }
}
