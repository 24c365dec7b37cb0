package org.nin4j.backend.onednn.convolution;

import java.nio.FloatBuffer;
import java.util.Optional;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Calls;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.backend.onednn.library.Prepared;
import org.nin4j.backend.onednn.library.Regions;
import org.nin4j.backend.onednn.library.Workers;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;

/**
 * A result from an input and filters, forward or backward: {@code Y[p] = V[p] U[p]} for each point
 * p of a tile.
 */
final class WinogradCorrelation implements Operation {
  private final Dnnl dnnl;
  private final Workers workers;
  private final boolean constant;
  private final WinogradTiles tiles;
  private final Filters weights;
  private final memory.desc plain;
  private final Optional<TensorSpec> bias;
  private final boolean relu;
  private final Chunks.Spec input;
  private final Chunks.Spec output;
  private final float[] filterMatrix;
  private final memory.desc matrix;
  private final memory.desc pairs;
  private final memory.desc transformed;
  private final matmul.primitive_desc transformation;
  private final memory.desc seenAs;
  private final matmul.primitive_desc product;
  private final long weightsAt;
  private final long transformedAt;
  private final long laidAt;
  private final long spreadAt;
  private final long resultAt;
  private final long inputAt;
  private final long outputAt;
  private final long scratchAt;
  private final long workspace;

  /**
   * @param constant whether no step of the plan changes the weights
   * @param backward whether the filters are turned and go from the weight's output channels to its
   *     input channels
   */
  WinogradCorrelation(
      Dnnl dnnl,
      Workers workers,
      boolean constant,
      WinogradTiles tiles,
      TensorSpec x,
      TensorSpec weight,
      Optional<TensorSpec> bias,
      TensorSpec y,
      boolean relu,
      boolean backward) {
    this.dnnl = dnnl;
    this.workers = workers;
    this.constant = constant;
    this.tiles = tiles;
    this.bias = bias;
    this.relu = relu;
    weights = new Filters(dnnl, weight, weight.shape(), false, x.type() == DType.BF16);
    plain = Dnnl.plain(weight.shape(), DType.F32);
    input = new Chunks.Spec(dnnl, x, tiles.chunk(), DType.F32);
    output = new Chunks.Spec(dnnl, y, tiles.chunk(), DType.F32);
    int points = tiles.points();
    int taps = tiles.kernel() * tiles.kernel();
    int channels = tiles.channels();
    int filters = tiles.filters();
    filterMatrix =
        WinogradTransform.inTwoDimensions(tiles.transform().filterMatrix(tiles.kernel()), backward);
    matrix = Dnnl.matrix(points, taps, DType.F32);
    transformed = Dnnl.matrix(points, (long) channels * filters, DType.F32);
    pairs = Dnnl.transposed((long) channels * filters, taps, DType.F32);
    transformation = dnnl.product(matrix, pairs, transformed);
    seenAs =
        backward
            ? Dnnl.matrices(points, channels, filters, DType.F32)
            : Dnnl.transposedMatrices(points, filters, channels, DType.F32);
    memory.desc any =
        new memory.desc(
            new long[] {points, channels, filters}, memory.data_type.f32, memory.format_tag.any);
    product =
        dnnl.product(
            Dnnl.matrices(points, tiles.rows(), channels, DType.F32),
            any,
            Dnnl.matrices(points, tiles.rows(), filters, DType.F32));
    Regions regions = new Regions();
    weightsAt = regions.take(weights.workspace(plain));
    transformedAt = regions.take(transformed.get_size());
    laidAt = regions.take(constant ? 0 : product.weights_desc().get_size());
    spreadAt = regions.take(product.src_desc().get_size());
    resultAt = regions.take(product.dst_desc().get_size());
    inputAt = regions.take(input.workspace());
    outputAt = regions.take(output.workspace());
    scratchAt =
        regions.takeLargest(
            Calls.scratchpad(transformation),
            Calls.scratchpad(product),
            Calls.reorderScratchpad(dnnl, seenAs, product.weights_desc()),
            weights.scratchpad(plain),
            input.scratchpad(),
            output.scratchpad());
    workspace = regions.bytes();
  }

  @Override
  public long workspace() {
    return workspace;
  }

  @Override
  public long resident() {
    return matrixBytes() + (constant ? product.weights_desc().get_size() : 0);
  }

  private long matrixBytes() {
    return Calls.aligned((long) filterMatrix.length * Float.BYTES);
  }

  @Override
  public Kernel bind(Buffers buffers) {
    buffers.residentBytes().asFloatBuffer().put(filterMatrix);
    memory inPlace = buffers.workspace(transformed, transformedAt);
    memory reordered =
        constant
            ? buffers.resident(product.weights_desc(), matrixBytes())
            : buffers.workspace(product.weights_desc(), laidAt);
    Calls filters = new Calls(dnnl);
    memory taken = weights.memory(buffers, plain, weightsAt);
    weights.add(filters, buffers, taken, weightsAt, scratchAt);
    filters
        .addProduct(
            transformation,
            buffers,
            scratchAt,
            buffers.resident(matrix, 0),
            dnnl.at(pairs, taken.get_data_handle()),
            inPlace)
        .addReorder(buffers.workspace(seenAs, transformedAt), reordered, buffers, scratchAt);
    Calls products =
        new Calls(dnnl)
            .addProduct(
                product,
                buffers,
                scratchAt,
                buffers.workspace(product.src_desc(), spreadAt),
                reordered,
                buffers.workspace(product.dst_desc(), resultAt));
    return new Bound(buffers, Prepared.of(constant, filters.kernel()), products);
  }

  private final class Bound implements Kernel {
    private final Kernel filters;
    private final Calls products;
    private final Chunks x;
    private final Chunks y;
    private final FloatBuffer xs;
    private final FloatBuffer ys;
    private final FloatBuffer spread;
    private final FloatBuffer result;
    private final Optional<FloatBuffer> biases;
    private final float[] biasRow;
    private final WinogradLines[] lines;
    private final Workers.Task spreading = this::spread;
    private final Workers.Task collecting = this::collect;
    private int chunk;

    Bound(Buffers buffers, Kernel filters, Calls products) {
      this.filters = filters;
      this.products = products;
      x = input.bind(buffers, inputAt, scratchAt);
      y = output.bind(buffers, outputAt, scratchAt);
      xs = x.floats();
      ys = y.floats();
      spread = buffers.workspaceFloats(spreadAt, product.src_desc().get_size());
      result = buffers.workspaceFloats(resultAt, product.dst_desc().get_size());
      biases = bias.map(buffers::floats);
      biasRow = new float[tiles.across() * tiles.filters()];
      lines = WinogradLines.forEach(workers, tiles);
    }

    @Override
    public void run(Run run) {
      if (biases.isPresent()) {
        for (int at = 0; at < biasRow.length; at += tiles.filters()) {
          biases.get().get(0, biasRow, at, tiles.filters());
        }
      }
      filters.run(run);
      for (chunk = 0; chunk < tiles.chunks(); chunk++) {
        x.fetch(chunk);
        workers.run(tiles.chunk() * tiles.down(), spreading);
        products.execute();
        workers.run(tiles.chunk() * tiles.down(), collecting);
        y.store(chunk);
      }
    }

    private void spread(int thread, int row) {
      lines[thread].spreadInput(xs, x.at(chunk, row / tiles.down()), row, spread);
    }

    private void collect(int thread, int row) {
      lines[thread].collect(result, ys, y.at(chunk, row / tiles.down()), row, biasRow, relu);
    }
  }
}
