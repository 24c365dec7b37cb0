package org.nin4j.backend.onednn;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_BIAS;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_BIAS;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_WEIGHTS;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_WEIGHTS;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.dnnl.convolution_backward_data;
import org.bytedeco.dnnl.convolution_backward_weights;
import org.bytedeco.dnnl.convolution_forward;
import org.bytedeco.dnnl.global.dnnl.algorithm;
import org.bytedeco.dnnl.global.dnnl.prop_kind;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive_attr;
import org.nin4j.model.Window;
import org.nin4j.plan.ConvolutionBackwardData;
import org.nin4j.plan.ConvolutionBackwardFilter;
import org.nin4j.plan.ConvolutionForward;
import org.nin4j.plan.TensorSpec;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/**
 * Convolution and its gradients. The fp32 weights are copied once a step to the layout and type
 * that the pass likes best, and the filter gradient back from it.
 */
final class Convolutions {
  private final Dnnl dnnl;

  Convolutions(Dnnl dnnl) {
    this.dnnl = dnnl;
  }

  private static long[] both(int value) {
    return new long[] {value, value};
  }

  private convolution_forward.primitive_desc forward(
      Window window, TensorSpec x, Shape weight, TensorSpec y, primitive_attr attributes) {
    return new convolution_forward.primitive_desc(
        dnnl.engine(),
        prop_kind.forward_training,
        algorithm.convolution_direct,
        Dnnl.laid(x),
        Dnnl.anyLayout(weight, x.type()),
        Dnnl.plain(Shape.of(weight.dim(0)), DType.F32),
        Dnnl.laid(y),
        both(window.stride()),
        both(window.padding()),
        both(window.padding()),
        attributes,
        false);
  }

  Operation forward(ConvolutionForward step) {
    primitive_attr attributes = Dnnl.withUserScratchpad();
    if (step.relu()) {
      post_ops relu = new post_ops();
      relu.append_eltwise(algorithm.eltwise_relu, 0, 0);
      attributes.set_post_ops(relu);
    }
    convolution_forward.primitive_desc descriptor =
        forward(
            step.convolution().window(),
            step.input(),
            step.weight().shape(),
            step.output(),
            attributes);
    memory.desc plain = Dnnl.laid(step.weight());
    memory.desc weights = descriptor.weights_desc();
    long weightBytes = Calls.aligned(weights.get_size());
    long scratch =
        Math.max(Calls.scratchpad(descriptor), Calls.reorderScratchpad(dnnl, plain, weights));
    return new Operation() {
      @Override
      public long workspace() {
        return weightBytes + scratch;
      }

      @Override
      public Kernel bind(Places places) {
        memory laid = places.workspace(weights, 0);
        return new Calls(dnnl)
            .addReorder(places.memory(step.weight()), laid, places, weightBytes)
            .add(
                descriptor,
                new convolution_forward(descriptor),
                places,
                weightBytes,
                List.of(
                    Calls.argument(DNNL_ARG_SRC, places.memory(step.input())),
                    Calls.argument(DNNL_ARG_WEIGHTS, laid),
                    Calls.argument(DNNL_ARG_BIAS, places.memory(step.bias())),
                    Calls.argument(DNNL_ARG_DST, places.memory(step.output()))))
            .kernel();
      }
    };
  }

  Operation backwardData(ConvolutionBackwardData step) {
    Window window = step.convolution().window();
    Shape shape = step.weight().shape();
    TensorSpec dx = step.inputGradient();
    TensorSpec dy = step.outputGradient();
    convolution_backward_data.primitive_desc descriptor =
        new convolution_backward_data.primitive_desc(
            dnnl.engine(),
            algorithm.convolution_direct,
            Dnnl.laid(dx),
            Dnnl.anyLayout(shape, dy.type()),
            Dnnl.laid(dy),
            both(window.stride()),
            both(window.padding()),
            both(window.padding()),
            forward(window, dx, shape, dy, dnnl.userScratchpad()),
            dnnl.userScratchpad(),
            false);
    memory.desc weights = descriptor.weights_desc();
    long weightBytes = Calls.aligned(weights.get_size());
    long scratch =
        Math.max(
            Calls.scratchpad(descriptor),
            Calls.reorderScratchpad(dnnl, Dnnl.laid(step.weight()), weights));
    return new Operation() {
      @Override
      public long workspace() {
        return weightBytes + scratch;
      }

      @Override
      public Kernel bind(Places places) {
        memory laid = places.workspace(weights, 0);
        return new Calls(dnnl)
            .addReorder(places.memory(step.weight()), laid, places, weightBytes)
            .add(
                descriptor,
                new convolution_backward_data(descriptor),
                places,
                weightBytes,
                List.of(
                    Calls.argument(DNNL_ARG_DIFF_DST, places.memory(dy)),
                    Calls.argument(DNNL_ARG_WEIGHTS, laid),
                    Calls.argument(DNNL_ARG_DIFF_SRC, places.memory(dx))))
            .kernel();
      }
    };
  }

  /**
   * The filter gradient, and the bias gradient with it in bf16; in fp32 oneDNN takes longer for
   * both together than for the filter's alone and the sum over pixels as a matrix product.
   */
  Operation backwardFilter(ConvolutionBackwardFilter step) {
    Optional<TensorSpec> bias = step.biasGradient();
    boolean apart = step.outputGradient().type() == DType.F32;
    if (bias.isPresent() && apart) {
      return Operations.inOrder(
          filterGradient(step, Optional.empty()),
          new Matrices(dnnl).columnSums(step.outputGradient(), bias.get()));
    }
    return filterGradient(step, bias);
  }

  private Operation filterGradient(ConvolutionBackwardFilter step, Optional<TensorSpec> bias) {
    Window window = step.convolution().window();
    TensorSpec x = step.input();
    TensorSpec dy = step.outputGradient();
    Shape shape = step.weightGradient().shape();
    convolution_forward.primitive_desc forward =
        forward(window, x, shape, dy, dnnl.userScratchpad());
    memory.desc wanted = Dnnl.anyLayout(shape, DType.F32);
    convolution_backward_weights.primitive_desc descriptor =
        bias.isPresent()
            ? new convolution_backward_weights.primitive_desc(
                dnnl.engine(),
                algorithm.convolution_direct,
                Dnnl.laid(x),
                wanted,
                Dnnl.laid(bias.get()),
                Dnnl.laid(dy),
                both(window.stride()),
                both(window.padding()),
                both(window.padding()),
                forward,
                dnnl.userScratchpad(),
                false)
            : new convolution_backward_weights.primitive_desc(
                dnnl.engine(),
                algorithm.convolution_direct,
                Dnnl.laid(x),
                wanted,
                Dnnl.laid(dy),
                both(window.stride()),
                both(window.padding()),
                both(window.padding()),
                forward,
                dnnl.userScratchpad(),
                false);
    memory.desc gradient = descriptor.diff_weights_desc();
    long gradientBytes = Calls.aligned(gradient.get_size());
    long scratch =
        Math.max(
            Calls.scratchpad(descriptor),
            Calls.reorderScratchpad(dnnl, gradient, Dnnl.laid(step.weightGradient())));
    return new Operation() {
      @Override
      public long workspace() {
        return gradientBytes + scratch;
      }

      @Override
      public Kernel bind(Places places) {
        memory laid = places.workspace(gradient, 0);
        List<Calls.Argument> arguments = new ArrayList<>();
        arguments.add(Calls.argument(DNNL_ARG_SRC, places.memory(x)));
        arguments.add(Calls.argument(DNNL_ARG_DIFF_DST, places.memory(dy)));
        arguments.add(Calls.argument(DNNL_ARG_DIFF_WEIGHTS, laid));
        bias.ifPresent(b -> arguments.add(Calls.argument(DNNL_ARG_DIFF_BIAS, places.memory(b))));
        return new Calls(dnnl)
            .add(
                descriptor,
                new convolution_backward_weights(descriptor),
                places,
                gradientBytes,
                arguments)
            .addReorder(laid, places.memory(step.weightGradient()), places, gradientBytes)
            .kernel();
      }
    };
  }
}
