package org.nin4j.backend.onednn.convolution;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_BIAS;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_WEIGHTS;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.primitive_attr;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Calls;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.backend.onednn.library.Prepared;
import org.nin4j.backend.onednn.library.Regions;
import org.nin4j.backend.onednn.library.Workers;
import org.nin4j.plan.step.ConvolutionBackwardData;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;

/**
 * A convolution as the product of its windows, copied side by side some samples at a time, with its
 * weights, a column for each filter:
 *
 * <pre>
 *   y[p, o] = Σ over t of windows[p, t] · w[t, o],  t = (row v, column u, channel c) of the window
 * </pre>
 *
 * <p>A data gradient with a stride of 1 is the same over dy, with the window's rows and columns
 * turned round and filters and channels changed about: Σ over v, u, o of dy[i + v − q, j + u − q,
 * o] · w[o, c, k−1−v, k−1−u], where q = k − 1 − padding.
 */
final class Im2colPass implements Operation {
  private final Dnnl dnnl;
  private final boolean constant;
  private final Im2col im2col;
  private final TensorSpec in;
  private final TensorSpec out;
  private final TensorSpec weight;
  private final boolean backward;
  private final Optional<TensorSpec> bias;
  private final int kernel;
  private final int results;
  private final int chunk;
  private final memory.desc windows;
  private final memory.desc outcome;
  private final matmul.primitive_desc product;
  private final memory.desc rows;
  private final memory.desc wanted;
  private final long windowsAt;
  private final long rowsAt;
  private final long weightsAt;
  private final long scratchAt;
  private final long workspace;

  static Im2colPass forward(Dnnl dnnl, Workers workers, boolean constant, ConvolutionForward step) {
    return new Im2colPass(
        dnnl,
        constant,
        Im2col.of(workers, step),
        step.input(),
        step.output(),
        step.weight(),
        false,
        step.bias(),
        step.relu());
  }

  static Im2colPass backward(
      Dnnl dnnl, Workers workers, boolean constant, ConvolutionBackwardData step) {
    return new Im2colPass(
        dnnl,
        constant,
        Im2col.of(workers, step),
        step.outputGradient(),
        step.inputGradient(),
        step.weight(),
        true,
        Optional.empty(),
        false);
  }

  private Im2colPass(
      Dnnl dnnl,
      boolean constant,
      Im2col im2col,
      TensorSpec in,
      TensorSpec out,
      TensorSpec weight,
      boolean backward,
      Optional<TensorSpec> bias,
      boolean relu) {
    this.dnnl = dnnl;
    this.constant = constant;
    this.im2col = im2col;
    this.in = in;
    this.out = out;
    this.weight = weight;
    this.backward = backward;
    this.bias = bias;
    kernel = weight.shape().dim(2);
    results = out.shape().dim(1);
    int batch = in.shape().dim(0);
    int threads = Im2col.largestDivisor(batch, im2col.threads());
    chunk = threads * im2col.samples(batch / threads, results);
    DType type = im2col.type();
    long places = chunk * im2col.rows();
    windows = Dnnl.matrix(places, im2col.taps(), type);
    outcome = Dnnl.matrix(places, results, type);
    rows = Dnnl.matrix(im2col.taps(), results, type);
    product = product(dnnl, relu);
    wanted = product.weights_desc();
    Regions regions = new Regions();
    windowsAt = regions.take(im2col.copies() ? windows.get_size() : 0);
    rowsAt = regions.take(kernel > 1 ? rows.get_size() : 0);
    weightsAt = regions.take(constant ? 0 : wanted.get_size());
    scratchAt =
        regions.takeLargest(
            Calls.scratchpad(product),
            Calls.reorderScratchpad(dnnl, stored(), kernel > 1 ? ofRows() : wanted),
            Calls.reorderScratchpad(dnnl, rows, wanted));
    workspace = regions.bytes();
  }

  private matmul.primitive_desc product(Dnnl dnnl, boolean relu) {
    primitive_attr attributes = Dnnl.withRelu(relu);
    memory.desc any = Dnnl.anyMatrix(im2col.taps(), results, im2col.type());
    return bias.isPresent()
        ? new matmul.primitive_desc(
            dnnl.engine(), windows, any, biasRow(), outcome, attributes, false)
        : new matmul.primitive_desc(dnnl.engine(), windows, any, outcome, attributes, false);
  }

  private memory.desc biasRow() {
    return Dnnl.matrix(1, results, DType.F32);
  }

  /** Stored weights of one pixel of the window, as a matrix (channels of in × channels of out). */
  private memory.desc stored() {
    long pixels = (long) kernel * kernel;
    long filter = weight.shape().dim(1) * pixels;
    long[] shape = {in.shape().dim(1), results};
    return backward
        ? Dnnl.strided(shape, DType.F32, filter, pixels)
        : Dnnl.strided(shape, DType.F32, pixels, filter);
  }

  /** The same in the rows of {@link #rows}. */
  private memory.desc ofRows() {
    return Dnnl.matrix(in.shape().dim(1), results, im2col.type());
  }

  @Override
  public long workspace() {
    return workspace;
  }

  @Override
  public long resident() {
    return constant ? Calls.aligned(wanted.get_size()) : 0;
  }

  @Override
  public Kernel bind(Buffers buffers) {
    memory weights = constant ? buffers.resident(wanted, 0) : buffers.workspace(wanted, weightsAt);
    Kernel preparation = Prepared.of(constant, layingOut(buffers, weights).kernel());
    Calls[] products = new Calls[in.shape().dim(0) / chunk];
    for (int k = 0; k < products.length; k++) {
      List<Calls.Argument> arguments = new ArrayList<>();
      memory left =
          im2col.copies()
              ? buffers.workspace(windows, windowsAt)
              : buffers.part(windows, in, k * windows.get_size());
      arguments.add(Calls.argument(DNNL_ARG_SRC, left));
      arguments.add(Calls.argument(DNNL_ARG_WEIGHTS, weights));
      bias.ifPresent(
          b -> arguments.add(Calls.argument(DNNL_ARG_BIAS, buffers.memory(biasRow(), b))));
      memory to = buffers.part(outcome, out, k * outcome.get_size());
      arguments.add(Calls.argument(DNNL_ARG_DST, to));
      products[k] =
          new Calls(dnnl).add(product, new matmul(product), buffers, scratchAt, arguments);
    }
    if (!im2col.copies()) {
      return run -> {
        preparation.run(run);
        products[0].execute();
      };
    }
    Im2col.Copying copying =
        im2col.bind(buffers.bytes(in), buffers.workspaceBytes(windowsAt, windows.get_size()));
    return run -> {
      preparation.run(run);
      for (int k = 0; k < products.length; k++) {
        copying.copy(k * chunk, chunk);
        products[k].execute();
      }
    };
  }

  /** Brings the weights to rows, a pixel of the window at a time, and to the wanted layout. */
  private Calls layingOut(Buffers buffers, memory to) {
    Calls calls = new Calls(dnnl);
    if (kernel == 1) {
      return calls.addReorder(buffers.memory(stored(), weight), to, buffers, scratchAt);
    }
    int pixels = kernel * kernel;
    for (int pixel = 0; pixel < pixels; pixel++) {
      memory from = buffers.part(stored(), weight, (long) pixel * Float.BYTES);
      int turned = backward ? pixels - 1 - pixel : pixel;
      memory row = buffers.workspace(ofRows(), rowsAt + turned * ofRows().get_size());
      calls.addReorder(from, row, buffers, scratchAt);
    }
    return calls.addReorder(buffers.workspace(rows, rowsAt), to, buffers, scratchAt);
  }
}
