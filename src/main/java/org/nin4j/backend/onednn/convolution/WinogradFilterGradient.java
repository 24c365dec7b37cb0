package org.nin4j.backend.onednn.convolution;

import java.nio.FloatBuffer;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Calls;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.backend.onednn.library.Regions;
import org.nin4j.backend.onednn.library.Workers;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;

/**
 * A filter gradient: {@code Z[p] = Σ D[p]ᵀ V[p]} for each point p of a tile, the sum over all tiles
 * of the batch.
 */
final class WinogradFilterGradient implements Operation {
  private final Dnnl dnnl;
  private final Workers workers;
  private final WinogradTiles tiles;
  private final TensorSpec weightGradient;
  private final Chunks.Spec input;
  private final Chunks.Spec gradient;
  private final float[] resultMatrix;
  private final memory.desc matrix;
  private final matmul.primitive_desc first;
  private final matmul.primitive_desc further;
  private final memory.desc summedSeenAs;
  private final memory.desc filters;
  private final matmul.primitive_desc transformation;
  private final long spreadAt;
  private final long gradientsAt;
  private final long sumsAt;
  private final long inputAt;
  private final long gradientAt;
  private final long scratchAt;
  private final long workspace;

  WinogradFilterGradient(
      Dnnl dnnl, Workers workers, WinogradTiles tiles, TensorSpec x, TensorSpec dy, TensorSpec dw) {
    this.dnnl = dnnl;
    this.workers = workers;
    this.tiles = tiles;
    this.weightGradient = dw;
    input = new Chunks.Spec(dnnl, x, tiles.chunk(), DType.F32);
    gradient = new Chunks.Spec(dnnl, dy, tiles.chunk(), DType.F32);
    int points = tiles.points();
    int taps = tiles.kernel() * tiles.kernel();
    long pairs = (long) tiles.channels() * tiles.filters();
    resultMatrix =
        WinogradTransform.inTwoDimensions(tiles.transform().resultMatrix(tiles.kernel()), false);
    // dw (pairs × taps) = sums (points × pairs)ᵀ · matrix (taps × points)ᵀ
    matrix = Dnnl.transposed(taps, points, DType.F32);
    summedSeenAs = Dnnl.transposed(points, pairs, DType.F32);
    filters = Dnnl.matrix(pairs, taps, DType.F32);
    transformation = dnnl.product(summedSeenAs, matrix, filters);
    memory.desc left = Dnnl.transposedMatrices(points, tiles.rows(), tiles.filters(), DType.F32);
    memory.desc right = Dnnl.matrices(points, tiles.rows(), tiles.channels(), DType.F32);
    memory.desc sums = Dnnl.matrices(points, tiles.filters(), tiles.channels(), DType.F32);
    first = dnnl.product(left, right, sums);
    further = dnnl.addedProduct(left, right, sums);
    Regions regions = new Regions();
    spreadAt = regions.take(right.get_size());
    gradientsAt = regions.take(left.get_size());
    sumsAt = regions.take(sums.get_size());
    inputAt = regions.take(input.workspace());
    gradientAt = regions.take(gradient.workspace());
    scratchAt =
        regions.takeLargest(
            Calls.scratchpad(transformation),
            Calls.scratchpad(first),
            Calls.scratchpad(further),
            input.scratchpad(),
            gradient.scratchpad());
    workspace = regions.bytes();
  }

  @Override
  public long workspace() {
    return workspace;
  }

  @Override
  public long resident() {
    return (long) resultMatrix.length * Float.BYTES;
  }

  @Override
  public Kernel bind(Buffers buffers) {
    buffers.residentBytes().asFloatBuffer().put(resultMatrix);
    Calls transforms =
        new Calls(dnnl)
            .addProduct(
                transformation,
                buffers,
                scratchAt,
                buffers.workspace(summedSeenAs, sumsAt),
                buffers.resident(matrix, 0),
                buffers.memory(filters, weightGradient));
    return new Bound(buffers, products(first, buffers), products(further, buffers), transforms);
  }

  private Calls products(matmul.primitive_desc descriptor, Buffers buffers) {
    return new Calls(dnnl)
        .addProduct(
            descriptor,
            buffers,
            scratchAt,
            buffers.workspace(first.src_desc(), gradientsAt),
            buffers.workspace(first.weights_desc(), spreadAt),
            buffers.workspace(first.dst_desc(), sumsAt));
  }

  private final class Bound implements Kernel {
    private final Calls firstProducts;
    private final Calls furtherProducts;
    private final Calls transforms;
    private final Chunks x;
    private final Chunks dy;
    private final FloatBuffer xs;
    private final FloatBuffer dys;
    private final FloatBuffer spread;
    private final FloatBuffer gradients;
    private final WinogradLines[] lines;
    private final Workers.Task spreading = this::spread;
    private int chunk;

    Bound(Buffers buffers, Calls firstProducts, Calls furtherProducts, Calls transforms) {
      this.firstProducts = firstProducts;
      this.furtherProducts = furtherProducts;
      this.transforms = transforms;
      x = input.bind(buffers, inputAt, scratchAt);
      dy = gradient.bind(buffers, gradientAt, scratchAt);
      xs = x.floats();
      dys = dy.floats();
      spread = buffers.workspaceFloats(spreadAt, first.weights_desc().get_size());
      gradients = buffers.workspaceFloats(gradientsAt, first.src_desc().get_size());
      lines = WinogradLines.forEach(workers, tiles);
    }

    @Override
    public void run(Run run) {
      for (chunk = 0; chunk < tiles.chunks(); chunk++) {
        x.fetch(chunk);
        dy.fetch(chunk);
        workers.run(tiles.chunk() * tiles.down(), spreading);
        (chunk == 0 ? firstProducts : furtherProducts).execute();
      }
      transforms.execute();
    }

    private void spread(int thread, int row) {
      int sample = row / tiles.down();
      lines[thread].spreadInput(xs, x.at(chunk, sample), row, spread);
      lines[thread].spreadGradient(dys, dy.at(chunk, sample), row, gradients);
    }
  }
}
