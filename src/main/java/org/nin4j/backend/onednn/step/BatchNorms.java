package org.nin4j.backend.onednn.step;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_SCALE;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_SHIFT;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_MEAN;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SCALE;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SHIFT;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_VARIANCE;

import java.nio.FloatBuffer;
import java.util.List;
import org.bytedeco.dnnl.batch_normalization_backward;
import org.bytedeco.dnnl.batch_normalization_forward;
import org.bytedeco.dnnl.global.dnnl.normalization_flags;
import org.bytedeco.dnnl.global.dnnl.prop_kind;
import org.bytedeco.dnnl.memory;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Calls;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.model.BatchNorm;
import org.nin4j.plan.step.BatchNormBackward;
import org.nin4j.plan.step.BatchNormForward;
import org.nin4j.plan.step.BatchNormInference;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;

/**
 * Batch normalisation. oneDNN works with the variance, the plan stores 1 / √(variance + eps): a
 * variance lies in the workspace while a step runs.
 */
public final class BatchNorms {
  private static final int SCALE_AND_SHIFT =
      normalization_flags.use_scale.value | normalization_flags.use_shift.value;

  private final Dnnl dnnl;

  public BatchNorms(Dnnl dnnl) {
    this.dnnl = dnnl;
  }

  private batch_normalization_forward.primitive_desc forward(
      prop_kind kind, TensorSpec x, TensorSpec y, float eps, int flags) {
    return new batch_normalization_forward.primitive_desc(
        dnnl.engine(),
        kind.value,
        Dnnl.layoutOf(x),
        Dnnl.layoutOf(y),
        eps,
        flags,
        dnnl.userScratchpad(),
        false);
  }

  private static memory.desc byChannel(TensorSpec x) {
    return Dnnl.vector(x.shape().dim(1), DType.F32);
  }

  private static long bytes(TensorSpec x) {
    return Calls.aligned(byChannel(x).get_size());
  }

  public Operation forward(BatchNormForward step) {
    TensorSpec x = step.input();
    BatchNorm norm = step.norm();
    int channels = x.shape().dim(1);
    double values = x.shape().elements() / (double) channels;
    batch_normalization_forward.primitive_desc descriptor =
        forward(prop_kind.forward_training, x, step.output(), norm.eps(), SCALE_AND_SHIFT);
    long scratch = Calls.scratchpad(descriptor);
    return new Operation() {
      @Override
      public long workspace() {
        return bytes(x) + scratch;
      }

      @Override
      public Kernel bind(Buffers buffers) {
        Calls calls =
            new Calls(dnnl)
                .add(
                    descriptor,
                    new batch_normalization_forward(descriptor),
                    buffers,
                    bytes(x),
                    List.of(
                        Calls.argument(DNNL_ARG_SRC, buffers.memory(x)),
                        Calls.argument(DNNL_ARG_DST, buffers.memory(step.output())),
                        Calls.argument(DNNL_ARG_SCALE, buffers.memory(step.weight())),
                        Calls.argument(DNNL_ARG_SHIFT, buffers.memory(step.bias())),
                        Calls.argument(DNNL_ARG_MEAN, buffers.memory(step.mean())),
                        Calls.argument(DNNL_ARG_VARIANCE, buffers.workspace(byChannel(x), 0))));
        FloatBuffer mean = buffers.floats(step.mean());
        FloatBuffer variance = buffers.workspaceFloats(0, bytes(x));
        FloatBuffer inverse = buffers.floats(step.inverse());
        FloatBuffer runningMean = buffers.floats(step.runningMean());
        FloatBuffer runningVariance = buffers.floats(step.runningVariance());
        float unbiased = (float) (values / (values - 1));
        return run -> {
          calls.execute();
          for (int c = 0; c < channels; c++) {
            inverse.put(c, (float) (1 / Math.sqrt((double) variance.get(c) + norm.eps())));
            move(norm, runningMean, c, mean.get(c));
            move(norm, runningVariance, c, variance.get(c) * unbiased);
          }
        };
      }
    };
  }

  private static void move(BatchNorm norm, FloatBuffer running, int c, float of) {
    running.put(c, (1 - norm.momentum()) * running.get(c) + norm.momentum() * of);
  }

  public Operation inference(BatchNormInference step) {
    TensorSpec x = step.input();
    batch_normalization_forward.primitive_desc descriptor =
        forward(
            prop_kind.forward_inference,
            x,
            step.output(),
            step.norm().eps(),
            SCALE_AND_SHIFT | normalization_flags.use_global_stats.value);
    return Calls.single(
        dnnl,
        descriptor,
        new batch_normalization_forward(descriptor),
        buffers ->
            List.of(
                Calls.argument(DNNL_ARG_SRC, buffers.memory(x)),
                Calls.argument(DNNL_ARG_DST, buffers.memory(step.output())),
                Calls.argument(DNNL_ARG_SCALE, buffers.memory(step.weight())),
                Calls.argument(DNNL_ARG_SHIFT, buffers.memory(step.bias())),
                Calls.argument(DNNL_ARG_MEAN, buffers.memory(step.runningMean())),
                Calls.argument(DNNL_ARG_VARIANCE, buffers.memory(step.runningVariance()))));
  }

  /** With eps 0, since the variance that is handed in has it already. */
  public Operation backward(BatchNormBackward step) {
    TensorSpec x = step.input();
    TensorSpec dy = step.outputGradient();
    int channels = x.shape().dim(1);
    // oneDNN has no gradient by the parameters alone: the other goes to the workspace.
    long unwanted =
        step.inputGradient().isPresent() ? 0 : Calls.aligned(Dnnl.layoutOf(x).get_size());
    batch_normalization_backward.primitive_desc descriptor =
        new batch_normalization_backward.primitive_desc(
            dnnl.engine(),
            prop_kind.backward.value,
            Dnnl.layoutOf(x),
            Dnnl.layoutOf(dy),
            Dnnl.layoutOf(x),
            0f,
            SCALE_AND_SHIFT,
            forward(prop_kind.forward_training, x, x, 0f, SCALE_AND_SHIFT),
            dnnl.userScratchpad(),
            false);
    long scratchAt = bytes(x) + unwanted;
    long scratch = Calls.scratchpad(descriptor);
    return new Operation() {
      @Override
      public long workspace() {
        return scratchAt + scratch;
      }

      @Override
      public Kernel bind(Buffers buffers) {
        memory dx =
            step.inputGradient()
                .map(buffers::memory)
                .orElseGet(() -> buffers.workspace(Dnnl.layoutOf(x), bytes(x)));
        Calls calls =
            new Calls(dnnl)
                .add(
                    descriptor,
                    new batch_normalization_backward(descriptor),
                    buffers,
                    scratchAt,
                    List.of(
                        Calls.argument(DNNL_ARG_SRC, buffers.memory(x)),
                        Calls.argument(DNNL_ARG_DIFF_DST, buffers.memory(dy)),
                        Calls.argument(DNNL_ARG_SCALE, buffers.memory(step.weight())),
                        Calls.argument(DNNL_ARG_MEAN, buffers.memory(step.mean())),
                        Calls.argument(DNNL_ARG_VARIANCE, buffers.workspace(byChannel(x), 0)),
                        Calls.argument(DNNL_ARG_DIFF_SRC, dx),
                        Calls.argument(DNNL_ARG_DIFF_SCALE, buffers.memory(step.weightGradient())),
                        Calls.argument(DNNL_ARG_DIFF_SHIFT, buffers.memory(step.biasGradient()))));
        FloatBuffer inverse = buffers.floats(step.inverse());
        FloatBuffer variance = buffers.workspaceFloats(0, bytes(x));
        return run -> {
          for (int c = 0; c < channels; c++) {
            float factor = inverse.get(c);
            variance.put(c, 1 / (factor * factor));
          }
          calls.execute();
        };
      }
    };
  }
}
