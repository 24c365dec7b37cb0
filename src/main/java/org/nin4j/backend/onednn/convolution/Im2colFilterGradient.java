package org.nin4j.backend.onednn.convolution;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC_0;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC_1;

import java.util.List;
import org.bytedeco.dnnl.binary;
import org.bytedeco.dnnl.global.dnnl.algorithm;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Calls;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.backend.onednn.library.Regions;
import org.nin4j.backend.onednn.library.Workers;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;

/**
 * A filter gradient as the product of the windows, copied side by side, with dy, some samples at a
 * time:
 *
 * <pre>
 *   dw[t, o] = Σ over places p of windows[p, t] · dy[p, o],  t = (row, column, channel) of the window
 * </pre>
 *
 * <p>Each thread sums over samples of its own. Where channels are few, a last column of ones gives
 * the bias gradient with it.
 */
final class Im2colFilterGradient implements Operation {
  private final Dnnl dnnl;
  private final ConvolutionBackwardFilter step;
  private final Im2col im2col;
  private final int filters;
  private final int parts;
  private final int chunk;
  private final memory.desc gradients;
  private final memory.desc windows;
  private final matmul.primitive_desc first;
  private final matmul.primitive_desc further;
  private final memory.desc part;
  private final memory.desc seenAsWeights;
  private final binary.primitive_desc sum;
  private final long windowsAt;
  private final long sumsAt;
  private final long scratchAt;
  private final long workspace;

  Im2colFilterGradient(Dnnl dnnl, Workers workers, ConvolutionBackwardFilter step) {
    this.dnnl = dnnl;
    this.step = step;
    im2col = Im2col.of(workers, step);
    TensorSpec dy = step.outputGradient();
    filters = dy.shape().dim(1);
    int batch = dy.shape().dim(0);
    parts = Im2col.largestDivisor(batch, workers.count());
    int samples = im2col.samples(batch / parts, filters);
    chunk = parts * samples;
    long rows = samples * im2col.rows();
    long columns = im2col.columns();
    DType type = im2col.type();
    windows = Dnnl.transposedMatrices(parts, rows, columns, type);
    gradients = Dnnl.matrices(parts, rows, filters, type);
    memory.desc sums = Dnnl.matrices(parts, columns, filters, DType.F32);
    first = dnnl.product(windows, gradients, sums);
    further = dnnl.addedProduct(windows, gradients, sums);
    part = Dnnl.matrix(columns, filters, DType.F32);
    sum =
        new binary.primitive_desc(
            dnnl.engine(), algorithm.binary_add, part, part, part, dnnl.userScratchpad(), false);
    long kernel = step.convolution().window().kernel();
    long channels = step.input().shape().dim(1);
    seenAsWeights =
        Dnnl.strided(
            Dnnl.dims(step.weightGradient().shape()),
            DType.F32,
            1,
            filters,
            kernel * channels * filters,
            channels * filters);
    Regions regions = new Regions();
    windowsAt = regions.take(im2col.copies() ? windows.get_size() : 0);
    sumsAt = regions.take(sums.get_size());
    scratchAt =
        regions.takeLargest(
            Calls.scratchpad(first),
            Calls.scratchpad(further),
            Calls.scratchpad(sum),
            Calls.reorderScratchpad(dnnl, seenAsWeights, Dnnl.layoutOf(step.weightGradient())));
    workspace = regions.bytes();
  }

  /** Whether the bias gradient comes with it. */
  boolean givesBias() {
    return im2col.ones();
  }

  @Override
  public long workspace() {
    return workspace;
  }

  @Override
  public Kernel bind(Buffers buffers) {
    int chunks = step.input().shape().dim(0) / chunk;
    Calls[] products = new Calls[chunks];
    for (int k = 0; k < chunks; k++) {
      memory left =
          im2col.copies()
              ? buffers.workspace(windows, windowsAt)
              : buffers.part(windows, step.input(), k * windows.get_size());
      memory dy = buffers.part(gradients, step.outputGradient(), k * gradients.get_size());
      matmul.primitive_desc descriptor = k == 0 ? first : further;
      memory sums = buffers.workspace(descriptor.dst_desc(), sumsAt);
      products[k] = new Calls(dnnl).addProduct(descriptor, buffers, scratchAt, left, dy, sums);
    }
    Kernel after = collecting(buffers).kernel();
    if (!im2col.copies()) {
      return run -> {
        products[0].execute();
        after.run(run);
      };
    }
    Im2col.Copying copying =
        im2col.bind(
            buffers.bytes(step.input()), buffers.workspaceBytes(windowsAt, windows.get_size()));
    return run -> {
      for (int k = 0; k < products.length; k++) {
        copying.copy(k * chunk, chunk);
        products[k].execute();
      }
      after.run(run);
    };
  }

  /** Adds the parts, and lays the sum out as parameters lie. */
  private Calls collecting(Buffers buffers) {
    Calls calls = new Calls(dnnl);
    memory total = buffers.workspace(part, sumsAt);
    for (int p = 1; p < parts; p++) {
      calls.add(
          sum,
          new binary(sum),
          buffers,
          scratchAt,
          List.of(
              Calls.argument(DNNL_ARG_SRC_0, total),
              Calls.argument(DNNL_ARG_SRC_1, buffers.workspace(part, sumsAt + p * part.get_size())),
              Calls.argument(DNNL_ARG_DST, total)));
    }
    calls.addReorder(
        buffers.workspace(seenAsWeights, sumsAt),
        buffers.memory(step.weightGradient()),
        buffers,
        scratchAt);
    if (im2col.ones()) {
      TensorSpec bias = step.biasGradient().orElseThrow();
      long onesAt = sumsAt + (long) im2col.taps() * filters * Float.BYTES;
      memory sums = buffers.workspace(Dnnl.vector(filters, DType.F32), onesAt);
      calls.addReorder(sums, buffers.memory(bias), buffers, scratchAt);
    }
    return calls;
  }
}
