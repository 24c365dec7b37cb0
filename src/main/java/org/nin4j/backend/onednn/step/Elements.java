package org.nin4j.backend.onednn.step;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_MULTIPLE_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC_0;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC_1;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.dnnl.binary;
import org.bytedeco.dnnl.concat;
import org.bytedeco.dnnl.eltwise_backward;
import org.bytedeco.dnnl.eltwise_forward;
import org.bytedeco.dnnl.global.dnnl.algorithm;
import org.bytedeco.dnnl.global.dnnl.prop_kind;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.memory_desc_vector;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive;
import org.bytedeco.dnnl.primitive_attr;
import org.bytedeco.dnnl.primitive_desc_base;
import org.bytedeco.dnnl.sum;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Calls;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.model.Activation;
import org.nin4j.plan.step.ActivationForward;
import org.nin4j.plan.step.Cast;
import org.nin4j.plan.step.ConcatBackward;
import org.nin4j.plan.step.ConcatForward;
import org.nin4j.plan.step.Sum;
import org.nin4j.plan.step.TensorSpec;

/** What moves elements or looks at one at a time. */
public final class Elements {
  private final Dnnl dnnl;

  public Elements(Dnnl dnnl) {
    this.dnnl = dnnl;
  }

  private static algorithm forwardAlgorithm(Activation function) {
    return switch (function) {
      case RELU, LEAKY_RELU -> algorithm.eltwise_relu;
      case SIGMOID -> algorithm.eltwise_logistic;
      case TANH -> algorithm.eltwise_tanh;
    };
  }

  private static algorithm backwardAlgorithm(Activation function) {
    return switch (function) {
      case RELU, LEAKY_RELU -> algorithm.eltwise_relu_use_dst_for_bwd;
      case SIGMOID -> algorithm.eltwise_logistic_use_dst_for_bwd;
      case TANH -> algorithm.eltwise_tanh_use_dst_for_bwd;
    };
  }

  /** The slope of oneDNN's ReLU below 0; its other functions here have no use for it. */
  private static float alpha(Activation function) {
    return function == Activation.LEAKY_RELU ? Activation.LEAK : 0;
  }

  private eltwise_forward.primitive_desc forward(
      algorithm of, float alpha, memory.desc x, memory.desc y) {
    return new eltwise_forward.primitive_desc(
        dnnl.engine(),
        prop_kind.forward_training,
        of,
        x,
        y,
        alpha,
        0,
        dnnl.userScratchpad(),
        false);
  }

  public Operation activation(ActivationForward step) {
    return activation(step.function(), step.input(), step.output());
  }

  Operation activation(Activation function, TensorSpec x, TensorSpec y) {
    eltwise_forward.primitive_desc descriptor =
        forward(forwardAlgorithm(function), alpha(function), Dnnl.layoutOf(x), Dnnl.layoutOf(y));
    return buffers ->
        new Calls(dnnl)
            .add(
                descriptor,
                new eltwise_forward(descriptor),
                buffers,
                0,
                List.of(
                    Calls.argument(DNNL_ARG_SRC, buffers.memory(x)),
                    Calls.argument(DNNL_ARG_DST, buffers.memory(y))))
            .kernel();
  }

  public Operation activationBackward(
      Activation function, TensorSpec y, TensorSpec dy, TensorSpec dx) {
    memory.desc layout = Dnnl.layoutOf(y);
    algorithm backward = backwardAlgorithm(function);
    eltwise_backward.primitive_desc descriptor =
        new eltwise_backward.primitive_desc(
            dnnl.engine(),
            backward,
            layout,
            layout,
            layout,
            alpha(function),
            0f,
            forward(backward, alpha(function), layout, layout),
            dnnl.userScratchpad(),
            false);
    return buffers ->
        new Calls(dnnl)
            .add(
                descriptor,
                new eltwise_backward(descriptor),
                buffers,
                0,
                List.of(
                    Calls.argument(DNNL_ARG_DST, buffers.memory(y)),
                    Calls.argument(DNNL_ARG_DIFF_DST, buffers.memory(dy)),
                    Calls.argument(DNNL_ARG_DIFF_SRC, buffers.memory(dx))))
            .kernel();
  }

  public Operation cast(Cast step) {
    return copy(
        step.input(), Dnnl.layoutOf(step.input()), step.output(), Dnnl.layoutOf(step.output()));
  }

  /** With a ReLU in one pass where there are two terms. */
  public Operation sum(Sum step) {
    if (!step.relu()) {
      return plainSum(step);
    }
    TensorSpec y = step.output();
    return step.inputs().size() == 2
        ? sumRelu(step.inputs().get(0), step.inputs().get(1), y)
        : Operation.inOrder(plainSum(step), activation(Activation.RELU, y, y));
  }

  private Operation sumRelu(TensorSpec a, TensorSpec b, TensorSpec y) {
    primitive_attr attributes = Dnnl.withUserScratchpad();
    post_ops relu = new post_ops();
    relu.append_eltwise(algorithm.eltwise_relu, 0, 0);
    attributes.set_post_ops(relu);
    binary.primitive_desc descriptor =
        new binary.primitive_desc(
            dnnl.engine(),
            algorithm.binary_add,
            Dnnl.layoutOf(a),
            Dnnl.layoutOf(b),
            Dnnl.layoutOf(y),
            attributes,
            false);
    return Calls.single(
        dnnl,
        descriptor,
        new binary(descriptor),
        buffers ->
            List.of(
                Calls.argument(DNNL_ARG_SRC_0, buffers.memory(a)),
                Calls.argument(DNNL_ARG_SRC_1, buffers.memory(b)),
                Calls.argument(DNNL_ARG_DST, buffers.memory(y))));
  }

  private Operation plainSum(Sum step) {
    memory_desc_vector inputs = new memory_desc_vector();
    float[] ones = new float[step.inputs().size()];
    Arrays.fill(ones, 1);
    step.inputs().forEach(input -> inputs.push_back(Dnnl.layoutOf(input)));
    sum.primitive_desc descriptor =
        new sum.primitive_desc(
            dnnl.engine(),
            Dnnl.layoutOf(step.output()),
            ones,
            inputs,
            dnnl.userScratchpad(),
            false);
    return joined(descriptor, new sum(descriptor), step.inputs(), step.output());
  }

  /** Channels behind channels. */
  public Operation concat(ConcatForward step) {
    memory_desc_vector inputs = new memory_desc_vector();
    step.inputs().forEach(input -> inputs.push_back(Dnnl.layoutOf(input)));
    concat.primitive_desc descriptor =
        new concat.primitive_desc(
            dnnl.engine(), Dnnl.layoutOf(step.output()), 1, inputs, dnnl.userScratchpad(), false);
    return joined(descriptor, new concat(descriptor), step.inputs(), step.output());
  }

  private Operation joined(
      primitive_desc_base descriptor,
      primitive primitive,
      List<TensorSpec> inputs,
      TensorSpec output) {
    long scratch = Calls.scratchpad(descriptor);
    return new Operation() {
      @Override
      public long workspace() {
        return scratch;
      }

      @Override
      public Kernel bind(Buffers buffers) {
        List<Calls.Argument> arguments = new ArrayList<>();
        for (int i = 0; i < inputs.size(); i++) {
          arguments.add(Calls.argument(DNNL_ARG_MULTIPLE_SRC + i, buffers.memory(inputs.get(i))));
        }
        arguments.add(Calls.argument(DNNL_ARG_DST, buffers.memory(output)));
        return new Calls(dnnl).add(descriptor, primitive, buffers, 0, arguments).kernel();
      }
    };
  }

  /** Each slice of dy to its own tensor. */
  public Operation slices(ConcatBackward step) {
    TensorSpec dy = step.outputGradient();
    long scratch = 0;
    List<memory.desc> parts = new ArrayList<>();
    for (ConcatBackward.Slice slice : step.slices()) {
      TensorSpec dx = slice.inputGradient();
      long[] offsets = new long[dy.shape().rank()];
      offsets[1] = slice.firstChannel();
      memory.desc part = Dnnl.layoutOf(dy).submemory_desc(Dnnl.dims(dx.shape()), offsets);
      scratch = Math.max(scratch, Calls.reorderScratchpad(dnnl, part, Dnnl.layoutOf(dx)));
      parts.add(part);
    }
    long workspace = scratch;
    return new Operation() {
      @Override
      public long workspace() {
        return workspace;
      }

      @Override
      public Kernel bind(Buffers buffers) {
        Calls calls = new Calls(dnnl);
        for (int i = 0; i < parts.size(); i++) {
          calls.addReorder(
              buffers.memory(parts.get(i), dy),
              buffers.memory(step.slices().get(i).inputGradient()),
              buffers,
              0);
        }
        return calls.kernel();
      }
    };
  }

  /** Flat tensors lie in logical order, so this brings the channels outward. */
  public Operation flatten(TensorSpec image, TensorSpec flat) {
    memory.desc flatAsImage = Dnnl.plain(image.shape(), flat.type());
    return copy(image, Dnnl.layoutOf(image), flat, flatAsImage);
  }

  public Operation unflatten(TensorSpec flat, TensorSpec image) {
    memory.desc flatAsImage = Dnnl.plain(image.shape(), flat.type());
    return copy(flat, flatAsImage, image, Dnnl.layoutOf(image));
  }

  private Operation copy(
      TensorSpec from, memory.desc fromSeenAs, TensorSpec to, memory.desc toSeenAs) {
    long scratch = Calls.reorderScratchpad(dnnl, fromSeenAs, toSeenAs);
    return new Operation() {
      @Override
      public long workspace() {
        return scratch;
      }

      @Override
      public Kernel bind(Buffers buffers) {
        return new Calls(dnnl)
            .addReorder(buffers.memory(fromSeenAs, from), buffers.memory(toSeenAs, to), buffers, 0)
            .kernel();
      }
    };
  }
}
