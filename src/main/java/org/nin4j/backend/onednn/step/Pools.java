package org.nin4j.backend.onednn.step;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_WORKSPACE;

import java.util.List;
import java.util.Optional;
import org.bytedeco.dnnl.global.dnnl.algorithm;
import org.bytedeco.dnnl.global.dnnl.prop_kind;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.pooling_backward;
import org.bytedeco.dnnl.pooling_forward;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Calls;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.model.AvgPool2d;
import org.nin4j.model.Window;
import org.nin4j.plan.step.AvgPoolBackward;
import org.nin4j.plan.step.AvgPoolForward;
import org.nin4j.plan.step.MaxPoolBackward;
import org.nin4j.plan.step.MaxPoolForward;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/**
 * Pooling by windows. For a maximum, oneDNN's workspace is the plan's position tensor: a byte an
 * output, same layout.
 */
public final class Pools {
  private static final long[] NO_DILATION = {0, 0};

  private final Dnnl dnnl;

  public Pools(Dnnl dnnl) {
    this.dnnl = dnnl;
  }

  private static long[] both(int value) {
    return new long[] {value, value};
  }

  private pooling_forward.primitive_desc descriptor(
      algorithm how, Window window, TensorSpec x, TensorSpec y, prop_kind kind) {
    return new pooling_forward.primitive_desc(
        dnnl.engine(),
        kind,
        how,
        Dnnl.layoutOf(x),
        Dnnl.layoutOf(y),
        both(window.stride()),
        both(window.kernel()),
        NO_DILATION,
        both(window.padding()),
        paddingAfter(window, x.shape(), y.shape()),
        dnnl.userScratchpad(),
        false);
  }

  /** oneDNN wants windows to reach the last padded pixel exactly; ours may stop before. */
  private static long[] paddingAfter(Window window, Shape x, Shape y) {
    long[] after = new long[2];
    for (int axis = 0; axis < 2; axis++) {
      int reach = (y.dim(2 + axis) - 1) * window.stride() + window.kernel();
      after[axis] = reach - x.dim(2 + axis) - window.padding();
    }
    return after;
  }

  public Operation forward(MaxPoolForward step) {
    boolean training = step.position().isPresent();
    pooling_forward.primitive_desc descriptor =
        descriptor(
            algorithm.pooling_max,
            step.pool().window(),
            step.input(),
            step.output(),
            training ? prop_kind.forward_training : prop_kind.forward_inference);
    long scratch = Calls.scratchpad(descriptor);
    return new Operation() {
      @Override
      public long workspace() {
        return scratch;
      }

      @Override
      public Kernel bind(Buffers buffers) {
        Calls.Argument src = Calls.argument(DNNL_ARG_SRC, buffers.memory(step.input()));
        Calls.Argument dst = Calls.argument(DNNL_ARG_DST, buffers.memory(step.output()));
        Calls calls = new Calls(dnnl);
        pooling_forward pool = new pooling_forward(descriptor);
        if (training) {
          memory positions =
              buffers.memory(descriptor.workspace_desc(), step.position().orElseThrow());
          Calls.Argument winners = Calls.argument(DNNL_ARG_WORKSPACE, positions);
          calls.add(descriptor, pool, buffers, 0, List.of(src, dst, winners));
        } else {
          calls.add(descriptor, pool, buffers, 0, List.of(src, dst));
        }
        return calls.kernel();
      }
    };
  }

  public Operation backward(MaxPoolBackward step) {
    Window window = step.pool().window();
    TensorSpec dx = step.inputGradient();
    TensorSpec dy = step.outputGradient();
    pooling_forward.primitive_desc forward =
        descriptor(algorithm.pooling_max, window, dx, dy, prop_kind.forward_training);
    pooling_backward.primitive_desc descriptor =
        new pooling_backward.primitive_desc(
            dnnl.engine(),
            algorithm.pooling_max,
            Dnnl.layoutOf(dx),
            Dnnl.layoutOf(dy),
            both(window.stride()),
            both(window.kernel()),
            NO_DILATION,
            both(window.padding()),
            paddingAfter(window, dx.shape(), dy.shape()),
            forward,
            dnnl.userScratchpad(),
            false);
    long scratch = Calls.scratchpad(descriptor);
    return new Operation() {
      @Override
      public long workspace() {
        return scratch;
      }

      @Override
      public Kernel bind(Buffers buffers) {
        return new Calls(dnnl)
            .add(
                descriptor,
                new pooling_backward(descriptor),
                buffers,
                0,
                List.of(
                    Calls.argument(DNNL_ARG_DIFF_DST, buffers.memory(dy)),
                    Calls.argument(DNNL_ARG_DIFF_SRC, buffers.memory(dx)),
                    Calls.argument(
                        DNNL_ARG_WORKSPACE,
                        buffers.memory(descriptor.workspace_desc(), step.position()))))
            .kernel();
      }
    };
  }

  /**
   * How oneDNN averages such windows. It divides by the window's whole size or by what lies inside
   * the image; a window in ceil mode that reaches beyond the padding counts neither.
   */
  private static Optional<algorithm> averaging(AvgPool2d pool, Shape x, Shape y) {
    Window window = pool.window();
    if (!pool.countPadding()) {
      return Optional.of(algorithm.pooling_avg_exclude_padding);
    }
    for (long after : paddingAfter(window, x, y)) {
      if (after > window.padding()) {
        return Optional.empty();
      }
    }
    return Optional.of(algorithm.pooling_avg_include_padding);
  }

  public Operation average(AvgPoolForward step) {
    TensorSpec x = step.input();
    TensorSpec y = step.output();
    Optional<algorithm> how = averaging(step.pool(), x.shape(), y.shape());
    if (how.isEmpty()) {
      return new WindowAverage.Forward(step);
    }
    pooling_forward.primitive_desc descriptor =
        descriptor(how.get(), step.pool().window(), x, y, prop_kind.forward_inference);
    return Calls.single(
        dnnl,
        descriptor,
        new pooling_forward(descriptor),
        buffers ->
            List.of(
                Calls.argument(DNNL_ARG_SRC, buffers.memory(x)),
                Calls.argument(DNNL_ARG_DST, buffers.memory(y))));
  }

  public Operation averageBackward(AvgPoolBackward step) {
    TensorSpec dx = step.inputGradient();
    TensorSpec dy = step.outputGradient();
    Window window = step.pool().window();
    Optional<algorithm> how = averaging(step.pool(), dx.shape(), dy.shape());
    // Where windows overlap, oneDNN adds bf16 to bf16.
    boolean rounds = dx.type() == DType.BF16 && window.kernel() > window.stride();
    if (how.isEmpty() || rounds) {
      return new WindowAverage.Backward(step);
    }
    pooling_backward.primitive_desc descriptor =
        new pooling_backward.primitive_desc(
            dnnl.engine(),
            how.get(),
            Dnnl.layoutOf(dx),
            Dnnl.layoutOf(dy),
            both(window.stride()),
            both(window.kernel()),
            NO_DILATION,
            both(window.padding()),
            paddingAfter(window, dx.shape(), dy.shape()),
            descriptor(how.get(), window, dx, dy, prop_kind.forward_training),
            dnnl.userScratchpad(),
            false);
    return Calls.single(
        dnnl,
        descriptor,
        new pooling_backward(descriptor),
        buffers ->
            List.of(
                Calls.argument(DNNL_ARG_DIFF_DST, buffers.memory(dy)),
                Calls.argument(DNNL_ARG_DIFF_SRC, buffers.memory(dx))));
  }
}
