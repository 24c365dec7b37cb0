package org.nin4j.backend.onednn;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_MULTIPLE_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;

import java.util.ArrayList;
import java.util.Arrays;
import org.bytedeco.dnnl.concat;
import org.bytedeco.dnnl.memory_desc_vector;
import org.bytedeco.dnnl.primitive;
import org.bytedeco.dnnl.primitive_desc_base;
import org.bytedeco.dnnl.sum;
import org.nin4j.model.Activation;
import org.nin4j.plan.Cast;
import org.nin4j.plan.ConcatBackward;
import org.nin4j.plan.ConcatForward;
import org.nin4j.plan.Sum;
import java.util.List;
import org.bytedeco.dnnl.eltwise_backward;
import org.bytedeco.dnnl.eltwise_forward;
import org.bytedeco.dnnl.global.dnnl.algorithm;
import org.bytedeco.dnnl.global.dnnl.prop_kind;
import org.bytedeco.dnnl.memory;
import org.nin4j.plan.ActivationForward;
import org.nin4j.plan.TensorSpec;

/** What moves elements or looks at one at a time. */
final class Elements {
  private final Dnnl dnnl;

  Elements(Dnnl dnnl) {
    this.dnnl = dnnl;
  }

  private static algorithm forwardAlgorithm(Activation function) {
    return switch (function) {
      case RELU -> algorithm.eltwise_relu;
      case SIGMOID -> algorithm.eltwise_logistic;
      case TANH -> algorithm.eltwise_tanh;
    };
  }

  private static algorithm backwardAlgorithm(Activation function) {
    return switch (function) {
      case RELU -> algorithm.eltwise_relu_use_dst_for_bwd;
      case SIGMOID -> algorithm.eltwise_logistic_use_dst_for_bwd;
      case TANH -> algorithm.eltwise_tanh_use_dst_for_bwd;
    };
  }

  private eltwise_forward.primitive_desc forward(algorithm of, memory.desc x, memory.desc y) {
    return new eltwise_forward.primitive_desc(
        dnnl.engine(),
        prop_kind.forward_training,
        of,
        x,
        y,
        0,
        0,
        dnnl.userScratchpad(),
        false);
  }

  Operation activation(ActivationForward step) {
    eltwise_forward.primitive_desc descriptor =
        forward(
            forwardAlgorithm(step.function()),
            Dnnl.laid(step.input()),
            Dnnl.laid(step.output()));
    return places ->
        new Calls(dnnl)
            .add(
                descriptor,
                new eltwise_forward(descriptor),
                places,
                0,
                List.of(
                    Calls.argument(DNNL_ARG_SRC, places.memory(step.input())),
                    Calls.argument(DNNL_ARG_DST, places.memory(step.output()))))
            .kernel();
  }

  Operation activationBackward(
      Activation function, TensorSpec y, TensorSpec dy, TensorSpec dx) {
    memory.desc laid = Dnnl.laid(y);
    algorithm backward = backwardAlgorithm(function);
    eltwise_backward.primitive_desc descriptor =
        new eltwise_backward.primitive_desc(
            dnnl.engine(),
            backward,
            laid,
            laid,
            laid,
            0f,
            0f,
            forward(backward, laid, laid),
            dnnl.userScratchpad(),
            false);
    return places ->
        new Calls(dnnl)
            .add(
                descriptor,
                new eltwise_backward(descriptor),
                places,
                0,
                List.of(
                    Calls.argument(DNNL_ARG_DST, places.memory(y)),
                    Calls.argument(DNNL_ARG_DIFF_DST, places.memory(dy)),
                    Calls.argument(DNNL_ARG_DIFF_SRC, places.memory(dx))))
            .kernel();
  }

  Operation cast(Cast step) {
    return copy(
        step.input(), Dnnl.laid(step.input()), step.output(), Dnnl.laid(step.output()));
  }

  Operation sum(Sum step) {
    memory_desc_vector inputs = new memory_desc_vector();
    float[] ones = new float[step.inputs().size()];
    Arrays.fill(ones, 1);
    step.inputs().forEach(input -> inputs.push_back(Dnnl.laid(input)));
    sum.primitive_desc descriptor =
        new sum.primitive_desc(
            dnnl.engine(),
            Dnnl.laid(step.output()),
            ones,
            inputs,
            dnnl.userScratchpad(),
            false);
    return joined(descriptor, new sum(descriptor), step.inputs(), step.output());
  }

  /** Channels behind channels. */
  Operation concat(ConcatForward step) {
    memory_desc_vector inputs = new memory_desc_vector();
    step.inputs().forEach(input -> inputs.push_back(Dnnl.laid(input)));
    concat.primitive_desc descriptor =
        new concat.primitive_desc(
            dnnl.engine(),
            Dnnl.laid(step.output()),
            1,
            inputs,
            dnnl.userScratchpad(),
            false);
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
      public Kernel bind(Places places) {
        List<Calls.Argument> arguments = new ArrayList<>();
        for (int i = 0; i < inputs.size(); i++) {
          arguments.add(
              Calls.argument(DNNL_ARG_MULTIPLE_SRC + i, places.memory(inputs.get(i))));
        }
        arguments.add(Calls.argument(DNNL_ARG_DST, places.memory(output)));
        return new Calls(dnnl).add(descriptor, primitive, places, 0, arguments).kernel();
      }
    };
  }

  /** Each slice of dy to its own tensor. */
  Operation slices(ConcatBackward step) {
    TensorSpec dy = step.outputGradient();
    long scratch = 0;
    List<memory.desc> parts = new ArrayList<>();
    for (ConcatBackward.Slice slice : step.slices()) {
      TensorSpec dx = slice.inputGradient();
      long[] offsets = new long[dy.shape().rank()];
      offsets[1] = slice.firstChannel();
      memory.desc part = Dnnl.laid(dy).submemory_desc(Dnnl.dims(dx.shape()), offsets);
      scratch = Math.max(scratch, Calls.reorderScratchpad(dnnl, part, Dnnl.laid(dx)));
      parts.add(part);
    }
    long workspace = scratch;
    return new Operation() {
      @Override
      public long workspace() {
        return workspace;
      }

      @Override
      public Kernel bind(Places places) {
        Calls calls = new Calls(dnnl);
        for (int i = 0; i < parts.size(); i++) {
          calls.addReorder(
              places.memory(parts.get(i), dy),
              places.memory(step.slices().get(i).inputGradient()),
              places,
              0);
        }
        return calls.kernel();
      }
    };
  }

  /** Flat tensors lie in logical order, so this brings the channels outward. */
  Operation flatten(TensorSpec image, TensorSpec flat) {
    memory.desc flatAsImage = Dnnl.plain(image.shape(), flat.type());
    return copy(image, Dnnl.laid(image), flat, flatAsImage);
  }

  Operation unflatten(TensorSpec flat, TensorSpec image) {
    memory.desc flatAsImage = Dnnl.plain(image.shape(), flat.type());
    return copy(flat, flatAsImage, image, Dnnl.laid(image));
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
      public Kernel bind(Places places) {
        return new Calls(dnnl)
            .addReorder(places.memory(fromSeenAs, from), places.memory(toSeenAs, to), places, 0)
            .kernel();
      }
    };
  }
}
