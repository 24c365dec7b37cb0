package org.nin4j.backend.onednn.convolution;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_BIAS;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_BIAS;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_WEIGHTS;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC_0;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC_1;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_WEIGHTS;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.dnnl.binary;
import org.bytedeco.dnnl.convolution_backward_data;
import org.bytedeco.dnnl.convolution_backward_weights;
import org.bytedeco.dnnl.convolution_forward;
import org.bytedeco.dnnl.global.dnnl.algorithm;
import org.bytedeco.dnnl.global.dnnl.prop_kind;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.primitive_attr;
import org.nin4j.backend.CpuOptions.Convolution;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Calls;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.backend.onednn.library.Prepared;
import org.nin4j.backend.onednn.library.Regions;
import org.nin4j.backend.onednn.library.Workers;
import org.nin4j.backend.onednn.step.MatMuls;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Window;
import org.nin4j.plan.step.ConvolutionBackwardData;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.ConvolutionStep;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/**
 * Convolution and its gradients: by oneDNN's primitives, by {@link Winograd}'s tiles, or by {@link
 * Im2col} as matrix products, as a {@link ConvolutionChoice} says.
 *
 * <p>The fp32 weights are copied once a step to the layout and type that the pass likes best, and
 * the filter gradient back from it; where no step changes them, once and for all. bf16 activations
 * can be widened a few samples at a time: their products are exact in fp32, so that only the order
 * of sums is another.
 */
public final class Convolutions {
  private final Dnnl dnnl;
  private final Workers workers;
  private final Winograd winograd;
  private final ConvolutionChoice choice;
  private final boolean constant;

  /**
   * @param choice how each step is computed
   * @param constant whether no step of the plan changes weights
   */
  public Convolutions(Dnnl dnnl, Workers workers, ConvolutionChoice choice, boolean constant) {
    this.dnnl = dnnl;
    this.workers = workers;
    this.constant = constant;
    this.winograd = new Winograd(dnnl, workers, constant);
    this.choice = choice;
  }

  /** How a step can be computed, the plainest way first. */
  private List<Convolution> possible(ConvolutionStep step) {
    List<Convolution> ways = new ArrayList<>();
    ways.add(Convolution.DIRECT);
    if (step.images().type() != DType.F32) {
      ways.add(Convolution.WIDENED);
    }
    Conv2d convolution = step.convolution();
    if (convolution.groups() == 1 && WinogradTiles.suits(convolution.window())) {
      ways.add(Convolution.TILES);
    }
    if (Im2col.suits(workers, step)) {
      ways.add(Convolution.IM2COL);
    }
    return ways;
  }

  public Operation of(ConvolutionStep step) {
    if (step instanceof ConvolutionForward s) {
      return forward(s);
    } else if (step instanceof ConvolutionBackwardData s) {
      return backwardData(s);
    }
    return backwardFilter((ConvolutionBackwardFilter) step);
  }

  /** How a step is computed. */
  public Convolution way(ConvolutionStep step) {
    return choice.of(step, possible(step));
  }

  private static long[] both(int value) {
    return new long[] {value, value};
  }

  /** The weights' shape as oneDNN wants it: with the groups, if there are any, as an axis. */
  private static Shape filters(Conv2d convolution, Shape weight) {
    int groups = convolution.groups();
    return groups == 1
        ? weight
        : Shape.of(groups, weight.dim(0) / groups, weight.dim(1), weight.dim(2), weight.dim(3));
  }

  private Chunks.Spec chunks(TensorSpec tensor, int chunk, DType computed) {
    return new Chunks.Spec(dnnl, tensor, chunk, computed);
  }

  /** Samples at a time: all, unless something is copied. */
  private static int chunk(TensorSpec x, TensorSpec y, DType computed) {
    int batch = x.shape().dim(0);
    boolean copies = computed != x.type() || computed != y.type();
    return copies
        ? Chunks.samples(batch, (x.shape().elements() + y.shape().elements()) / batch)
        : batch;
  }

  private convolution_forward.primitive_desc forward(
      Window window,
      TensorSpec x,
      Shape weight,
      boolean bias,
      TensorSpec y,
      primitive_attr attributes) {
    if (!bias) {
      return new convolution_forward.primitive_desc(
          dnnl.engine(),
          prop_kind.forward_training,
          algorithm.convolution_direct,
          Dnnl.layoutOf(x),
          Dnnl.anyLayout(weight, x.type()),
          Dnnl.layoutOf(y),
          both(window.stride()),
          both(window.padding()),
          both(window.padding()),
          attributes,
          false);
    }
    return new convolution_forward.primitive_desc(
        dnnl.engine(),
        prop_kind.forward_training,
        algorithm.convolution_direct,
        Dnnl.layoutOf(x),
        Dnnl.anyLayout(weight, x.type()),
        Dnnl.plain(Shape.of(y.shape().dim(1)), DType.F32),
        Dnnl.layoutOf(y),
        both(window.stride()),
        both(window.padding()),
        both(window.padding()),
        attributes,
        false);
  }

  private Operation forward(ConvolutionForward step) {
    return switch (way(step)) {
      case DIRECT -> forward(step, step.input().type());
      case WIDENED -> forward(step, DType.F32);
      case TILES -> winograd.forward(step);
      case IM2COL -> Im2colPass.forward(dnnl, workers, constant, step);
    };
  }

  private Operation forward(ConvolutionForward step, DType computed) {
    Window window = step.convolution().window();
    int chunk = chunk(step.input(), step.output(), computed);
    Chunks.Spec x = chunks(step.input(), chunk, computed);
    Chunks.Spec y = chunks(step.output(), chunk, computed);
    primitive_attr attributes = Dnnl.withRelu(step.relu());
    convolution_forward.primitive_desc descriptor =
        forward(
            window,
            x.computed(),
            filters(step.convolution(), step.weight().shape()),
            step.bias().isPresent(),
            y.computed(),
            attributes);
    return pass(
        x,
        y,
        filters(step.convolution(), step.weight(), step.input(), computed),
        descriptor.weights_desc(),
        Calls.scratchpad(descriptor),
        (calls, buffers, scratchAt, in, weights, out) -> {
          List<Calls.Argument> arguments = new ArrayList<>();
          arguments.add(Calls.argument(DNNL_ARG_SRC, in));
          arguments.add(Calls.argument(DNNL_ARG_WEIGHTS, weights));
          step.bias()
              .ifPresent(b -> arguments.add(Calls.argument(DNNL_ARG_BIAS, buffers.memory(b))));
          arguments.add(Calls.argument(DNNL_ARG_DST, out));
          calls.add(descriptor, new convolution_forward(descriptor), buffers, scratchAt, arguments);
        });
  }

  /** The weights for activations like this one. */
  private Filters filters(
      Conv2d convolution, TensorSpec weight, TensorSpec activation, DType computed) {
    boolean rounds = activation.type() == DType.BF16 && computed == DType.F32;
    return new Filters(dnnl, weight, filters(convolution, weight.shape()), constant, rounds);
  }

  /** Adds the primitive for one chunk. */
  @FunctionalInterface
  private interface Primitive {
    void add(Calls calls, Buffers buffers, long scratchAt, memory in, memory weights, memory out);
  }

  /** From one activation to another: the weights once, then chunk by chunk. */
  private Operation pass(
      Chunks.Spec in,
      Chunks.Spec out,
      Filters filters,
      memory.desc weights,
      long scratchpad,
      Primitive primitive) {
    Regions regions = new Regions();
    long weightsAt = regions.take(filters.workspace(weights));
    long inAt = regions.take(in.workspace());
    long outAt = regions.take(out.workspace());
    long scratchAt =
        regions.takeLargest(
            scratchpad, filters.scratchpad(weights), in.scratchpad(), out.scratchpad());
    return new Operation() {
      @Override
      public long workspace() {
        return regions.bytes();
      }

      @Override
      public long resident() {
        return filters.resident(weights);
      }

      @Override
      public Kernel bind(Buffers buffers) {
        Calls before = new Calls(dnnl);
        memory reordered = filters.memory(buffers, weights, weightsAt);
        filters.add(before, buffers, reordered, weightsAt, scratchAt);
        Kernel preparation = Prepared.of(constant, before.kernel());
        Chunks from = in.bind(buffers, inAt, scratchAt);
        Chunks to = out.bind(buffers, outAt, scratchAt);
        Calls[] each = new Calls[in.count()];
        for (int k = 0; k < each.length; k++) {
          each[k] = new Calls(dnnl);
          primitive.add(each[k], buffers, scratchAt, from.memory(k), reordered, to.memory(k));
        }
        return run -> {
          preparation.run(run);
          for (int k = 0; k < each.length; k++) {
            from.fetch(k);
            each[k].execute();
            to.store(k);
          }
        };
      }
    };
  }

  private Operation backwardData(ConvolutionBackwardData step) {
    return switch (way(step)) {
      case DIRECT -> backwardData(step, step.inputGradient().type());
      case WIDENED -> backwardData(step, DType.F32);
      case TILES -> winograd.backwardData(step);
      case IM2COL -> Im2colPass.backward(dnnl, workers, constant, step);
    };
  }

  private Operation backwardData(ConvolutionBackwardData step, DType computed) {
    Window window = step.convolution().window();
    Shape shape = filters(step.convolution(), step.weight().shape());
    int chunk = chunk(step.inputGradient(), step.outputGradient(), computed);
    Chunks.Spec dx = chunks(step.inputGradient(), chunk, computed);
    Chunks.Spec dy = chunks(step.outputGradient(), chunk, computed);
    convolution_backward_data.primitive_desc descriptor =
        new convolution_backward_data.primitive_desc(
            dnnl.engine(),
            algorithm.convolution_direct,
            Dnnl.layoutOf(dx.computed()),
            Dnnl.anyLayout(shape, dy.computed().type()),
            Dnnl.layoutOf(dy.computed()),
            both(window.stride()),
            both(window.padding()),
            both(window.padding()),
            forward(window, dx.computed(), shape, false, dy.computed(), dnnl.userScratchpad()),
            dnnl.userScratchpad(),
            false);
    return pass(
        dy,
        dx,
        filters(step.convolution(), step.weight(), step.outputGradient(), computed),
        descriptor.weights_desc(),
        Calls.scratchpad(descriptor),
        (calls, buffers, scratchAt, in, weights, out) ->
            calls.add(
                descriptor,
                new convolution_backward_data(descriptor),
                buffers,
                scratchAt,
                List.of(
                    Calls.argument(DNNL_ARG_DIFF_DST, in),
                    Calls.argument(DNNL_ARG_WEIGHTS, weights),
                    Calls.argument(DNNL_ARG_DIFF_SRC, out))));
  }

  /** The filter gradient and, where there is one, the bias gradient. */
  private Operation backwardFilter(ConvolutionBackwardFilter step) {
    return switch (way(step)) {
      case DIRECT -> directFilterGradient(step, step.input().type());
      case WIDENED -> directFilterGradient(step, DType.F32);
      case TILES -> withBiasApart(step, winograd.backwardFilter(step));
      case IM2COL -> im2colFilterGradient(step);
    };
  }

  /**
   * The bias gradient goes with it where bf16 is multiplied; in fp32 oneDNN takes longer for both
   * together than for the filter's alone and the sum over pixels as a matrix product.
   */
  private Operation directFilterGradient(ConvolutionBackwardFilter step, DType computed) {
    return computed == DType.F32
        ? withBiasApart(step, directFilterGradient(step, Optional.empty(), computed))
        : directFilterGradient(step, step.biasGradient(), computed);
  }

  private Operation im2colFilterGradient(ConvolutionBackwardFilter step) {
    Im2colFilterGradient gradient = new Im2colFilterGradient(dnnl, workers, step);
    return gradient.givesBias() ? gradient : withBiasApart(step, gradient);
  }

  private Operation withBiasApart(ConvolutionBackwardFilter step, Operation filterGradient) {
    return step.biasGradient()
        .map(
            bias ->
                Operation.inOrder(
                    filterGradient,
                    new MatMuls(dnnl, workers.count(), constant)
                        .columnSums(step.outputGradient(), bias)))
        .orElse(filterGradient);
  }

  /** Chunk by chunk; the sum of what each gives. */
  private Operation directFilterGradient(
      ConvolutionBackwardFilter step, Optional<TensorSpec> bias, DType computed) {
    Shape shape = filters(step.convolution(), step.weightGradient().shape());
    memory.desc plain = Dnnl.plain(shape, DType.F32);
    int chunk = chunk(step.input(), step.outputGradient(), computed);
    Chunks.Spec x = chunks(step.input(), chunk, computed);
    Chunks.Spec dy = chunks(step.outputGradient(), chunk, computed);
    convolution_backward_weights.primitive_desc descriptor =
        weightGradient(step.convolution().window(), x.computed(), dy.computed(), shape, bias);
    memory.desc gradient = descriptor.diff_weights_desc();
    binary.primitive_desc sum =
        new binary.primitive_desc(
            dnnl.engine(),
            algorithm.binary_add,
            gradient,
            gradient,
            gradient,
            dnnl.userScratchpad(),
            false);
    Regions regions = new Regions();
    long sumAt = regions.take(gradient.get_size());
    long partAt = regions.take(x.count() > 1 ? gradient.get_size() : 0);
    long xAt = regions.take(x.workspace());
    long dyAt = regions.take(dy.workspace());
    long scratchAt =
        regions.takeLargest(
            Calls.scratchpad(descriptor),
            Calls.scratchpad(sum),
            Calls.reorderScratchpad(dnnl, gradient, plain),
            x.scratchpad(),
            dy.scratchpad());
    return new Operation() {
      @Override
      public long workspace() {
        return regions.bytes();
      }

      @Override
      public Kernel bind(Buffers buffers) {
        memory total = buffers.workspace(gradient, sumAt);
        Chunks xs = x.bind(buffers, xAt, scratchAt);
        Chunks dys = dy.bind(buffers, dyAt, scratchAt);
        Calls[] each = new Calls[x.count()];
        for (int k = 0; k < each.length; k++) {
          memory part = k == 0 ? total : buffers.workspace(gradient, partAt);
          List<Calls.Argument> arguments = new ArrayList<>();
          arguments.add(Calls.argument(DNNL_ARG_SRC, xs.memory(k)));
          arguments.add(Calls.argument(DNNL_ARG_DIFF_DST, dys.memory(k)));
          arguments.add(Calls.argument(DNNL_ARG_DIFF_WEIGHTS, part));
          bias.ifPresent(b -> arguments.add(Calls.argument(DNNL_ARG_DIFF_BIAS, buffers.memory(b))));
          each[k] =
              new Calls(dnnl)
                  .add(
                      descriptor,
                      new convolution_backward_weights(descriptor),
                      buffers,
                      scratchAt,
                      arguments);
          if (k > 0) {
            each[k].add(
                sum,
                new binary(sum),
                buffers,
                scratchAt,
                List.of(
                    Calls.argument(DNNL_ARG_SRC_0, total),
                    Calls.argument(DNNL_ARG_SRC_1, part),
                    Calls.argument(DNNL_ARG_DST, total)));
          }
        }
        Calls after =
            new Calls(dnnl)
                .addReorder(
                    total, buffers.memory(plain, step.weightGradient()), buffers, scratchAt);
        return run -> {
          for (int k = 0; k < each.length; k++) {
            xs.fetch(k);
            dys.fetch(k);
            each[k].execute();
          }
          after.execute();
        };
      }
    };
  }

  private convolution_backward_weights.primitive_desc weightGradient(
      Window window, TensorSpec x, TensorSpec dy, Shape shape, Optional<TensorSpec> bias) {
    convolution_forward.primitive_desc forward =
        forward(window, x, shape, bias.isPresent(), dy, dnnl.userScratchpad());
    memory.desc wanted = Dnnl.anyLayout(shape, DType.F32);
    return bias.isPresent()
        ? new convolution_backward_weights.primitive_desc(
            dnnl.engine(),
            algorithm.convolution_direct,
            Dnnl.layoutOf(x),
            wanted,
            Dnnl.layoutOf(bias.get()),
            Dnnl.layoutOf(dy),
            both(window.stride()),
            both(window.padding()),
            both(window.padding()),
            forward,
            dnnl.userScratchpad(),
            false)
        : new convolution_backward_weights.primitive_desc(
            dnnl.engine(),
            algorithm.convolution_direct,
            Dnnl.layoutOf(x),
            wanted,
            Dnnl.layoutOf(dy),
            both(window.stride()),
            both(window.padding()),
            both(window.padding()),
            forward,
            dnnl.userScratchpad(),
            false);
  }
}
