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
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC_0;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC_1;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_VARIANCE;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_WORKSPACE;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.dnnl.batch_normalization_backward;
import org.bytedeco.dnnl.batch_normalization_forward;
import org.bytedeco.dnnl.binary;
import org.bytedeco.dnnl.global.dnnl.algorithm;
import org.bytedeco.dnnl.global.dnnl.normalization_flags;
import org.bytedeco.dnnl.global.dnnl.prop_kind;
import org.bytedeco.dnnl.memory;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Calls;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.backend.onednn.library.Prepared;
import org.nin4j.backend.onednn.library.Regions;
import org.nin4j.backend.onednn.library.Workers;
import org.nin4j.model.Activation;
import org.nin4j.model.BatchNorm;
import org.nin4j.plan.step.AfterNorm;
import org.nin4j.plan.step.BatchNormBackward;
import org.nin4j.plan.step.BatchNormForward;
import org.nin4j.plan.step.BatchNormInference;
import org.nin4j.plan.step.BatchNormReluBackward;
import org.nin4j.plan.step.FoldNorm;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;
import org.nin4j.text.Text;

/**
 * Batch normalisation. oneDNN works with the variance, the plan stores 1 / √(variance + eps): a
 * variance lies in the workspace while a step runs.
 *
 * <p>A ReLU goes into the primitive where that keeps its mask in bits, as the compiled ones do;
 * elsewhere, with numbers of channels that fill no vector, another primitive would be taken that is
 * slower than both apart. A sum does not go into it: the CPU has no such primitive.
 *
 * <p>In training, images with such numbers of channels are left to {@link FewChannelNorms}.
 */
public final class BatchNorms {
  private static final int SCALE_AND_SHIFT =
      normalization_flags.use_scale.value | normalization_flags.use_shift.value;

  private final Dnnl dnnl;
  private final FewChannelNorms fewChannels;
  private final boolean constant;

  /**
   * @param constant whether no step of the plan changes parameters and statistics
   */
  public BatchNorms(Dnnl dnnl, Workers workers, boolean constant) {
    this.dnnl = dnnl;
    this.constant = constant;
    fewChannels = new FewChannelNorms(dnnl, workers);
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

  /** Whether oneDNN has code for that number of channels that is compiled for this processor. */
  private boolean compiled(TensorSpec x) {
    return forward(prop_kind.forward_training, x, x, 0f, SCALE_AND_SHIFT)
        .impl_info_str()
        .getString()
        .contains("jit");
  }

  private static memory.desc byChannel(TensorSpec x) {
    return Dnnl.vector(x.shape().dim(1), DType.F32);
  }

  private static long bytes(TensorSpec x) {
    return Calls.aligned(byChannel(x).get_size());
  }

  private static int relu(boolean relu) {
    return SCALE_AND_SHIFT | (relu ? normalization_flags.fuse_norm_relu.value : 0);
  }

  private static boolean inBits(
      batch_normalization_forward.primitive_desc descriptor, TensorSpec y) {
    return descriptor.workspace_desc().get_size() <= (y.shape().elements() + 7) / 8;
  }

  /** Whether a step with a ReLU can keep the ReLU's mask for the gradient. */
  public boolean keepsMask(BatchNormForward step) {
    return inBits(training(step, true), step.output());
  }

  private batch_normalization_forward.primitive_desc training(BatchNormForward step, boolean relu) {
    return forward(
        prop_kind.forward_training, step.input(), step.output(), step.norm().eps(), relu(relu));
  }

  private static void requireNoSum(String layer, String kind, AfterNorm after) {
    if (after.added().isPresent()) {
      throw new BackendException(
          Text.of(
              "%s (%s) is a norm and a sum in one, which the CPU computes one by one",
              layer, kind));
    }
  }

  public Operation forward(BatchNormForward step) {
    requireNoSum(step.layer(), step.kind(), step.after());
    boolean inside = step.after().relu() && keepsMask(step);
    if (step.after().mask().isPresent() && !inside) {
      throw new BackendException(
          Text.of(
              "%s (%s): the CPU keeps no mask for that number of channels",
              step.layer(), step.kind()));
    }
    Operation norm =
        inside || compiled(step.input()) ? norm(step, inside) : fewChannels.forward(step);
    TensorSpec y = step.output();
    return step.after().relu() && !inside
        ? Operation.inOrder(norm, new Elements(dnnl).activation(Activation.RELU, y, y))
        : norm;
  }

  private Operation norm(BatchNormForward step, boolean relu) {
    TensorSpec x = step.input();
    BatchNorm norm = step.norm();
    int channels = x.shape().dim(1);
    double values = x.shape().elements() / (double) channels;
    batch_normalization_forward.primitive_desc descriptor = training(step, relu);
    memory.desc bits = descriptor.workspace_desc();
    Optional<TensorSpec> mask = step.after().mask();
    Regions regions = new Regions();
    long varianceAt = regions.take(bytes(x));
    long maskAt = regions.take(mask.isPresent() ? 0 : bits.get_size());
    long scratchAt = regions.take(Calls.scratchpad(descriptor));
    return new Operation() {
      @Override
      public long workspace() {
        return regions.bytes();
      }

      @Override
      public Kernel bind(Buffers buffers) {
        Calls calls = new Calls(dnnl);
        List<Calls.Argument> arguments = new ArrayList<>();
        arguments.add(Calls.argument(DNNL_ARG_SRC, buffers.memory(x)));
        arguments.add(Calls.argument(DNNL_ARG_DST, buffers.memory(step.output())));
        arguments.add(Calls.argument(DNNL_ARG_SCALE, buffers.memory(step.weight())));
        arguments.add(Calls.argument(DNNL_ARG_SHIFT, buffers.memory(step.bias())));
        arguments.add(Calls.argument(DNNL_ARG_MEAN, buffers.memory(step.mean())));
        arguments.add(
            Calls.argument(DNNL_ARG_VARIANCE, buffers.workspace(byChannel(x), varianceAt)));
        if (bits.get_size() > 0) {
          arguments.add(
              Calls.argument(
                  DNNL_ARG_WORKSPACE,
                  mask.map(m -> buffers.memory(bits, m))
                      .orElseGet(() -> buffers.workspace(bits, maskAt))));
        }
        calls.add(
            descriptor, new batch_normalization_forward(descriptor), buffers, scratchAt, arguments);
        FloatBuffer mean = buffers.floats(step.mean());
        FloatBuffer variance = buffers.workspaceFloats(varianceAt, bytes(x));
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

  static void move(BatchNorm norm, FloatBuffer running, int c, float of) {
    running.put(c, (1 - norm.momentum()) * running.get(c) + norm.momentum() * of);
  }

  public Operation inference(BatchNormInference step) {
    requireNoSum(step.layer(), step.kind(), step.after());
    TensorSpec x = step.input();
    batch_normalization_forward.primitive_desc descriptor =
        forward(
            prop_kind.forward_inference,
            x,
            step.output(),
            step.norm().eps(),
            relu(step.after().relu()) | normalization_flags.use_global_stats.value);
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

  public Operation backward(BatchNormBackward step) {
    if (!compiled(step.input())) {
      return fewChannels.backward(step);
    }
    return backward(
        step.input(),
        step.weight(),
        step.mean(),
        step.inverse(),
        Optional.empty(),
        step.outputGradient(),
        step.inputGradient(),
        step.weightGradient(),
        step.biasGradient());
  }

  /** By the mask that the forward step has kept. */
  public Operation backward(BatchNormReluBackward step) {
    if (step.mask().isEmpty()) {
      throw new BackendException(
          Text.of("%s (%s) needs the mask of its ReLU on the CPU", step.layer(), step.kind()));
    }
    return backward(
        step.input(),
        step.weight(),
        step.mean(),
        step.inverse(),
        step.mask(),
        step.outputGradient(),
        step.inputGradient(),
        step.weightGradient(),
        step.biasGradient());
  }

  /** With eps 0, since the variance that is handed in has it already. */
  private Operation backward(
      TensorSpec x,
      TensorSpec weight,
      TensorSpec means,
      TensorSpec inverses,
      Optional<TensorSpec> mask,
      TensorSpec dy,
      Optional<TensorSpec> inputGradient,
      TensorSpec weightGradient,
      TensorSpec biasGradient) {
    int channels = x.shape().dim(1);
    int flags = relu(mask.isPresent());
    batch_normalization_backward.primitive_desc descriptor =
        new batch_normalization_backward.primitive_desc(
            dnnl.engine(),
            prop_kind.backward.value,
            Dnnl.layoutOf(x),
            Dnnl.layoutOf(x),
            Dnnl.layoutOf(x),
            0f,
            flags,
            forward(prop_kind.forward_training, x, x, 0f, flags),
            dnnl.userScratchpad(),
            false);
    Regions regions = new Regions();
    long varianceAt = regions.take(bytes(x));
    // oneDNN has no gradient by the parameters alone: the other goes to the workspace.
    long unwantedAt = regions.take(inputGradient.isPresent() ? 0 : Dnnl.layoutOf(x).get_size());
    long scratchAt = regions.take(Calls.scratchpad(descriptor));
    return new Operation() {
      @Override
      public long workspace() {
        return regions.bytes();
      }

      @Override
      public Kernel bind(Buffers buffers) {
        Calls calls = new Calls(dnnl);
        memory dx =
            inputGradient
                .map(buffers::memory)
                .orElseGet(() -> buffers.workspace(Dnnl.layoutOf(x), unwantedAt));
        List<Calls.Argument> arguments = new ArrayList<>();
        arguments.add(Calls.argument(DNNL_ARG_SRC, buffers.memory(x)));
        arguments.add(Calls.argument(DNNL_ARG_DIFF_DST, buffers.memory(dy)));
        arguments.add(Calls.argument(DNNL_ARG_SCALE, buffers.memory(weight)));
        arguments.add(Calls.argument(DNNL_ARG_MEAN, buffers.memory(means)));
        arguments.add(
            Calls.argument(DNNL_ARG_VARIANCE, buffers.workspace(byChannel(x), varianceAt)));
        mask.ifPresent(
            m ->
                arguments.add(
                    Calls.argument(
                        DNNL_ARG_WORKSPACE, buffers.memory(descriptor.workspace_desc(), m))));
        arguments.add(Calls.argument(DNNL_ARG_DIFF_SRC, dx));
        arguments.add(Calls.argument(DNNL_ARG_DIFF_SCALE, buffers.memory(weightGradient)));
        arguments.add(Calls.argument(DNNL_ARG_DIFF_SHIFT, buffers.memory(biasGradient)));
        calls.add(
            descriptor,
            new batch_normalization_backward(descriptor),
            buffers,
            scratchAt,
            arguments);
        FloatBuffer inverse = buffers.floats(inverses);
        FloatBuffer variance = buffers.workspaceFloats(varianceAt, bytes(x));
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

  /** The weights as a matrix with a row for each filter, and a factor for each row. */
  public Operation fold(FoldNorm step) {
    TensorSpec weight = step.weight();
    int filters = weight.shape().dim(0);
    memory.desc matrix = Dnnl.matrix(filters, weight.shape().elements() / filters, DType.F32);
    memory.desc column = Dnnl.matrix(filters, 1, DType.F32);
    binary.primitive_desc product =
        new binary.primitive_desc(
            dnnl.engine(),
            algorithm.binary_mul,
            matrix,
            column,
            matrix,
            dnnl.userScratchpad(),
            false);
    Regions regions = new Regions();
    long factorsAt = regions.take(column.get_size());
    long scratchAt = regions.take(Calls.scratchpad(product));
    return new Operation() {
      @Override
      public long workspace() {
        return regions.bytes();
      }

      @Override
      public Kernel bind(Buffers buffers) {
        Calls calls =
            new Calls(dnnl)
                .add(
                    product,
                    new binary(product),
                    buffers,
                    scratchAt,
                    List.of(
                        Calls.argument(DNNL_ARG_SRC_0, buffers.memory(matrix, weight)),
                        Calls.argument(DNNL_ARG_SRC_1, buffers.workspace(column, factorsAt)),
                        Calls.argument(DNNL_ARG_DST, buffers.memory(matrix, step.foldedWeight()))));
        FloatBuffer factors = buffers.workspaceFloats(factorsAt, column.get_size());
        Optional<FloatBuffer> bias = step.bias().map(buffers::floats);
        FloatBuffer normWeight = buffers.floats(step.normWeight());
        FloatBuffer normBias = buffers.floats(step.normBias());
        FloatBuffer mean = buffers.floats(step.runningMean());
        FloatBuffer variance = buffers.floats(step.runningVariance());
        FloatBuffer folded = buffers.floats(step.foldedBias());
        Kernel folding =
            run -> {
              for (int o = 0; o < filters; o++) {
                double factor =
                    normWeight.get(o) / Math.sqrt((double) variance.get(o) + step.norm().eps());
                double before = bias.isPresent() ? bias.get().get(o) : 0;
                factors.put(o, (float) factor);
                folded.put(o, (float) (normBias.get(o) + factor * (before - mean.get(o))));
              }
              calls.execute();
            };
        return Prepared.of(constant, folding);
      }
    };
  }
}
