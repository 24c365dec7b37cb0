package org.nin4j.backend.onednn;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_WEIGHTS;

import java.nio.FloatBuffer;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive_attr;
import org.nin4j.model.Window;
import org.nin4j.plan.ConvolutionBackwardData;
import org.nin4j.plan.ConvolutionBackwardFilter;
import org.nin4j.plan.ConvolutionForward;
import org.nin4j.plan.TensorSpec;
import org.nin4j.tensor.DType;

/**
 * Convolutions and their gradients by {@link WinogradTransform}, with a matrix product for each of
 * a tile's 36 points: 2.8 times fewer multiplications for 5×5 windows, 4 times for 3×3.
 *
 * <pre>
 *   forward          Y[p] = V[p] U[p],  V = Bᵀ x B, U = G w Gᵀ, y = Aᵀ Y A     tiles × C × O
 *   data gradient    the same of dy, with w turned by 180° and its channels exchanged
 *   filter gradient  Z[p] = Σ D[p]ᵀ V[p], D = G dy Gᵀ, dw = Aᵀ Z A              O × tiles × C
 * </pre>
 *
 * <p>The transforms are Java's loops on all threads, the products oneDNN's.
 */
final class Winograd {
  private final Dnnl dnnl;
  private final Workers workers;

  Winograd(Dnnl dnnl, Workers workers) {
    this.dnnl = dnnl;
    this.workers = workers;
  }

  private static memory.desc matrices(long rows, long columns) {
    return new memory.desc(
        new long[] {36, rows, columns}, memory.data_type.f32, memory.format_tag.abc);
  }

  private static memory.desc transposedMatrices(long rows, long columns) {
    return new memory.desc(
        new long[] {36, columns, rows}, memory.data_type.f32, memory.format_tag.acb);
  }

  private matmul.primitive_desc product(memory.desc left, memory.desc right, memory.desc result) {
    return new matmul.primitive_desc(
        dnnl.engine(), left, right, result, dnnl.userScratchpad(), false);
  }

  private static long floats(long count) {
    return count * Float.BYTES;
  }

  static WinogradTiles tiles(ConvolutionForward s) {
    return tiles(s.input(), s.output(), s.convolution().window());
  }

  /** The data gradient as a correlation of dy. */
  static WinogradTiles tiles(ConvolutionBackwardData s) {
    int kernel = s.convolution().window().kernel();
    return WinogradTiles.of(
        s.outputGradient().shape(),
        s.inputGradient().shape().dim(1),
        kernel,
        kernel - 1 - s.convolution().window().padding());
  }

  static WinogradTiles tiles(ConvolutionBackwardFilter s) {
    return tiles(s.input(), s.outputGradient(), s.convolution().window());
  }

  private static WinogradTiles tiles(TensorSpec x, TensorSpec y, Window window) {
    return WinogradTiles.of(x.shape(), y.shape().dim(1), window.kernel(), window.padding());
  }

  Operation forward(ConvolutionForward s) {
    return new Correlation(
        tiles(s), s.input(), s.weight(), Optional.of(s.bias()), s.output(), s.relu(), false);
  }

  Operation backwardData(ConvolutionBackwardData s) {
    return new Correlation(
        tiles(s), s.outputGradient(), s.weight(), Optional.empty(), s.inputGradient(), false, true);
  }

  /** The filter gradient; the bias gradient is somebody else's. */
  Operation backwardFilter(ConvolutionBackwardFilter s) {
    return new FilterGradient(tiles(s), s.input(), s.outputGradient(), s.weightGradient());
  }

  /** A result from an input and filters, forward or backward. */
  private final class Correlation implements Operation {
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
     * @param backward whether the filters are turned and go from the weight's output channels to
     *     its input channels
     */
    Correlation(
        WinogradTiles tiles,
        TensorSpec x,
        TensorSpec weight,
        Optional<TensorSpec> bias,
        TensorSpec y,
        boolean relu,
        boolean backward) {
      this.tiles = tiles;
      weights = new Filters(dnnl, weight, x.type() == DType.BF16);
      plain = Dnnl.plain(weight.shape(), DType.F32);
      this.bias = bias;
      this.relu = relu;
      input = new Chunks.Spec(dnnl, x, tiles.chunk(), DType.F32);
      output = new Chunks.Spec(dnnl, y, tiles.chunk(), DType.F32);
      int taps = tiles.kernel() * tiles.kernel();
      long count = (long) tiles.channels() * tiles.filters();
      filterMatrix =
          WinogradTransform.inTwoDimensions(
              WinogradTransform.filterMatrix(tiles.kernel()), backward);
      matrix = Dnnl.matrix(36, taps, DType.F32);
      transformed = Dnnl.matrix(36, count, DType.F32);
      pairs = Dnnl.transposed(count, taps, DType.F32);
      transformation = product(matrix, pairs, transformed);
      seenAs =
          backward
              ? matrices(tiles.channels(), tiles.filters())
              : transposedMatrices(tiles.filters(), tiles.channels());
      memory.desc any =
          new memory.desc(
              new long[] {36, tiles.channels(), tiles.filters()},
              memory.data_type.f32,
              memory.format_tag.any);
      product =
          product(
              matrices(tiles.rows(), tiles.channels()),
              any,
              matrices(tiles.rows(), tiles.filters()));
      Regions regions = new Regions();
      weightsAt = regions.take(weights.workspace(plain));
      transformedAt = regions.take(transformed.get_size());
      laidAt = regions.take(product.weights_desc().get_size());
      spreadAt = regions.take(product.src_desc().get_size());
      resultAt = regions.take(product.dst_desc().get_size());
      inputAt = regions.take(input.workspace());
      outputAt = regions.take(output.workspace());
      scratchAt =
          regions.take(
              Stream.of(
                      Calls.scratchpad(transformation),
                      Calls.scratchpad(product),
                      Calls.reorderScratchpad(dnnl, seenAs, product.weights_desc()),
                      weights.scratchpad(plain),
                      input.scratchpad(),
                      output.scratchpad())
                  .max(Long::compare)
                  .orElseThrow());
      workspace = regions.bytes();
    }

    @Override
    public long workspace() {
      return workspace;
    }

    @Override
    public long resident() {
      return floats(filterMatrix.length);
    }

    @Override
    public Kernel bind(Places places) {
      places.residentBytes().asFloatBuffer().put(filterMatrix);
      memory inPlace = places.workspace(transformed, transformedAt);
      memory laid = places.workspace(product.weights_desc(), laidAt);
      Calls filters = new Calls(dnnl);
      memory taken = weights.add(filters, places, plain, weightsAt, scratchAt);
      filters
          .add(
              transformation,
              new matmul(transformation),
              places,
              scratchAt,
              List.of(
                  Calls.argument(DNNL_ARG_SRC, places.resident(matrix, 0)),
                  Calls.argument(DNNL_ARG_WEIGHTS, dnnl.at(pairs, taken.get_data_handle())),
                  Calls.argument(DNNL_ARG_DST, inPlace)))
          .addReorder(places.workspace(seenAs, transformedAt), laid, places, scratchAt);
      Calls products =
          new Calls(dnnl)
              .add(
                  product,
                  new matmul(product),
                  places,
                  scratchAt,
                  List.of(
                      Calls.argument(DNNL_ARG_SRC, places.workspace(product.src_desc(), spreadAt)),
                      Calls.argument(DNNL_ARG_WEIGHTS, laid),
                      Calls.argument(
                          DNNL_ARG_DST, places.workspace(product.dst_desc(), resultAt))));
      return new Bound(places, filters, products);
    }

    private final class Bound implements Kernel {
      private final Calls filters;
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

      Bound(Places places, Calls filters, Calls products) {
        this.filters = filters;
        this.products = products;
        x = input.bind(places, inputAt, scratchAt);
        y = output.bind(places, outputAt, scratchAt);
        xs = x.floats();
        ys = y.floats();
        spread = places.workspaceFloats(spreadAt, product.src_desc().get_size());
        result = places.workspaceFloats(resultAt, product.dst_desc().get_size());
        biases = bias.map(places::floats);
        biasRow = new float[tiles.outWidth() * tiles.filters()];
        lines = lines(tiles);
      }

      @Override
      public void run(Run run) {
        if (biases.isPresent()) {
          for (int at = 0; at < biasRow.length; at += tiles.filters()) {
            biases.get().get(0, biasRow, at, tiles.filters());
          }
        }
        filters.execute();
        for (chunk = 0; chunk < tiles.chunks(); chunk++) {
          x.fetch(chunk);
          workers.run(tiles.chunk() * tiles.down(), spreading);
          products.execute();
          workers.run(tiles.chunk() * tiles.down(), collecting);
          y.store(chunk);
        }
      }

      private void spread(int thread, int part) {
        int sample = part / tiles.down();
        int row = part % tiles.down();
        lines[thread].spreadInput(
            xs,
            x.at(chunk, sample),
            row,
            spread,
            tiles.rows() * tiles.channels(),
            part * tiles.across() * tiles.channels());
      }

      private void collect(int thread, int part) {
        int sample = part / tiles.down();
        int row = part % tiles.down();
        lines[thread].collect(
            result,
            tiles.rows() * tiles.filters(),
            part * tiles.across() * tiles.filters(),
            ys,
            y.at(chunk, sample),
            row,
            biasRow,
            relu);
      }
    }
  }

  /** A thread's memory for each thread. */
  private WinogradLines[] lines(WinogradTiles tiles) {
    WinogradLines[] lines = new WinogradLines[workers.count()];
    for (int i = 0; i < lines.length; i++) {
      lines[i] = new WinogradLines(tiles);
    }
    return lines;
  }

  private final class FilterGradient implements Operation {
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

    FilterGradient(WinogradTiles tiles, TensorSpec x, TensorSpec dy, TensorSpec dw) {
      this.tiles = tiles;
      this.weightGradient = dw;
      input = new Chunks.Spec(dnnl, x, tiles.chunk(), DType.F32);
      gradient = new Chunks.Spec(dnnl, dy, tiles.chunk(), DType.F32);
      int taps = tiles.kernel() * tiles.kernel();
      long pairs = (long) tiles.channels() * tiles.filters();
      resultMatrix =
          WinogradTransform.inTwoDimensions(WinogradTransform.resultMatrix(tiles.kernel()), false);
      // dw (pairs × taps) = sums (36 × pairs)ᵀ · matrix (taps × 36)ᵀ
      matrix = Dnnl.transposed(taps, 36, DType.F32);
      summedSeenAs = Dnnl.transposed(36, pairs, DType.F32);
      filters = Dnnl.matrix(pairs, taps, DType.F32);
      transformation = product(summedSeenAs, matrix, filters);
      memory.desc left = transposedMatrices(tiles.rows(), tiles.filters());
      memory.desc right = matrices(tiles.rows(), tiles.channels());
      memory.desc sums = matrices(tiles.filters(), tiles.channels());
      first = product(left, right, sums);
      primitive_attr adding = Dnnl.withUserScratchpad();
      post_ops sum = new post_ops();
      sum.append_sum();
      adding.set_post_ops(sum);
      further = new matmul.primitive_desc(dnnl.engine(), left, right, sums, adding, false);
      Regions regions = new Regions();
      spreadAt = regions.take(right.get_size());
      gradientsAt = regions.take(left.get_size());
      sumsAt = regions.take(sums.get_size());
      inputAt = regions.take(input.workspace());
      gradientAt = regions.take(gradient.workspace());
      scratchAt =
          regions.take(
              Stream.of(
                      Calls.scratchpad(transformation),
                      Calls.scratchpad(first),
                      Calls.scratchpad(further),
                      input.scratchpad(),
                      gradient.scratchpad())
                  .max(Long::compare)
                  .orElseThrow());
      workspace = regions.bytes();
    }

    @Override
    public long workspace() {
      return workspace;
    }

    @Override
    public long resident() {
      return floats(resultMatrix.length);
    }

    @Override
    public Kernel bind(Places places) {
      places.residentBytes().asFloatBuffer().put(resultMatrix);
      Calls transforms =
          new Calls(dnnl)
              .add(
                  transformation,
                  new matmul(transformation),
                  places,
                  scratchAt,
                  List.of(
                      Calls.argument(DNNL_ARG_SRC, places.workspace(summedSeenAs, sumsAt)),
                      Calls.argument(DNNL_ARG_WEIGHTS, places.resident(matrix, 0)),
                      Calls.argument(DNNL_ARG_DST, places.memory(filters, weightGradient))));
      return new Bound(places, products(first, places), products(further, places), transforms);
    }

    private Calls products(matmul.primitive_desc descriptor, Places places) {
      return new Calls(dnnl)
          .add(
              descriptor,
              new matmul(descriptor),
              places,
              scratchAt,
              List.of(
                  Calls.argument(DNNL_ARG_SRC, places.workspace(first.src_desc(), gradientsAt)),
                  Calls.argument(
                      DNNL_ARG_WEIGHTS, places.workspace(first.weights_desc(), spreadAt)),
                  Calls.argument(DNNL_ARG_DST, places.workspace(first.dst_desc(), sumsAt))));
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

      Bound(Places places, Calls firstProducts, Calls furtherProducts, Calls transforms) {
        this.firstProducts = firstProducts;
        this.furtherProducts = furtherProducts;
        this.transforms = transforms;
        x = input.bind(places, inputAt, scratchAt);
        dy = gradient.bind(places, gradientAt, scratchAt);
        xs = x.floats();
        dys = dy.floats();
        spread = places.workspaceFloats(spreadAt, first.weights_desc().get_size());
        gradients = places.workspaceFloats(gradientsAt, first.src_desc().get_size());
        lines = lines(tiles);
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

      private void spread(int thread, int part) {
        int sample = part / tiles.down();
        int row = part % tiles.down();
        lines[thread].spreadInput(
            xs,
            x.at(chunk, sample),
            row,
            spread,
            tiles.rows() * tiles.channels(),
            part * tiles.across() * tiles.channels());
        lines[thread].spreadGradient(
            dys,
            dy.at(chunk, sample),
            row,
            gradients,
            tiles.rows() * tiles.filters(),
            part * tiles.across() * tiles.filters());
      }
    }
  }
}
