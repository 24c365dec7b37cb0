package org.nin4j.backend.onednn.convolution;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Optional;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Calls;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.backend.onednn.library.Regions;
import org.nin4j.backend.onednn.library.Workers;
import org.nin4j.model.Window;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;

/**
 * A filter gradient of a convolution over few channels: the windows are copied side by side, a row
 * for each place of the output, and multiplied with dy, some samples at a time:
 *
 * <pre>
 *   dw[o, t] = Σ over places p of dy[p, o] · windows[p, t],  t = (row, column, channel) of the window
 * </pre>
 *
 * <p>A last column of ones gives the bias gradient with it. oneDNN's own filter gradient pads one
 * channel to sixteen, or to what a matrix unit wants.
 */
final class Im2colFilterGradient implements Operation {
  /** More would be copied too often, and fill a vector anyway. */
  private static final int MOST_CHANNELS = 4;

  /** Numbers of windows and dy that a thread has in hand: about what its own cache holds. */
  private static final long ELEMENTS = 1L << 20;

  private static final VarHandle WORDS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

  private final Dnnl dnnl;
  private final Workers workers;
  private final ConvolutionBackwardFilter step;
  private final Window window;
  private final int channels;
  private final int height;
  private final int width;
  private final int filters;
  private final int down;
  private final int across;
  private final int bytes;
  private final int columns;
  private final int parts;
  private final int chunk;
  private final memory.desc gradients;
  private final matmul.primitive_desc first;
  private final matmul.primitive_desc further;
  private final long windowsAt;
  private final long sumsAt;
  private final long scratchAt;
  private final long workspace;

  Im2colFilterGradient(Dnnl dnnl, Workers workers, ConvolutionBackwardFilter step) {
    this.dnnl = dnnl;
    this.workers = workers;
    this.step = step;
    window = step.convolution().window();
    TensorSpec x = step.input();
    TensorSpec dy = step.outputGradient();
    channels = x.shape().dim(1);
    height = x.shape().dim(2);
    width = x.shape().dim(3);
    filters = dy.shape().dim(1);
    down = dy.shape().dim(2);
    across = dy.shape().dim(3);
    bytes = x.type().bytes();
    columns = taps() + (step.biasGradient().isPresent() ? 1 : 0);
    int batch = x.shape().dim(0);
    parts = largestDivisor(batch, workers.count());
    long each = (long) down * across * (columns + filters);
    int most = (int) Math.max(1, Math.min(batch / parts, ELEMENTS / each));
    int samples = largestDivisor(batch / parts, most);
    chunk = parts * samples;
    long rows = (long) samples * down * across;
    DType type = x.type();
    gradients = Dnnl.transposedMatrices(parts, rows, filters, type);
    memory.desc windows = Dnnl.matrices(parts, rows, columns, type);
    memory.desc sums = Dnnl.matrices(parts, filters, columns, DType.F32);
    first = dnnl.product(gradients, windows, sums);
    further = dnnl.addedProduct(gradients, windows, sums);
    Regions regions = new Regions();
    windowsAt = regions.take(windows.get_size());
    sumsAt = regions.take(sums.get_size());
    scratchAt = regions.takeLargest(Calls.scratchpad(first), Calls.scratchpad(further));
    workspace = regions.bytes();
  }

  /** Whether a filter gradient can be computed so, by the given number of threads. */
  static boolean suits(ConvolutionBackwardFilter step, int threads) {
    TensorSpec x = step.input();
    TensorSpec dy = step.outputGradient();
    int kernel = step.convolution().window().kernel();
    long columns = (long) x.shape().dim(1) * kernel * kernel + 1;
    long places = (long) dy.shape().dim(2) * dy.shape().dim(3);
    return step.convolution().groups() == 1
        && x.shape().dim(1) <= MOST_CHANNELS
        && x.bytes() <= Integer.MAX_VALUE
        && threads * Math.max(ELEMENTS, places * columns) * x.type().bytes() <= Integer.MAX_VALUE;
  }

  private static int largestDivisor(int of, int most) {
    int divisor = Math.min(of, most);
    while (of % divisor != 0) {
      divisor--;
    }
    return divisor;
  }

  private int taps() {
    return channels * window.kernel() * window.kernel();
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
      memory dy = buffers.part(gradients, step.outputGradient(), k * gradients.get_size());
      matmul.primitive_desc descriptor = k == 0 ? first : further;
      products[k] =
          new Calls(dnnl)
              .addProduct(
                  descriptor,
                  buffers,
                  scratchAt,
                  dy,
                  buffers.workspace(descriptor.weights_desc(), windowsAt),
                  buffers.workspace(descriptor.dst_desc(), sumsAt));
    }
    return new Bound(buffers, products);
  }

  private final class Bound implements Kernel {
    private final Calls[] products;
    private final ByteBuffer x;
    private final ByteBuffer windows;
    private final FloatBuffer sums;
    private final FloatBuffer weightGradient;
    private final Optional<FloatBuffer> biasGradient;
    private final Rows[] rows;
    private final Workers.Task copying = this::copy;
    private int firstSample;

    Bound(Buffers buffers, Calls[] products) {
      this.products = products;
      x = buffers.bytes(step.input());
      windows = buffers.workspaceBytes(windowsAt, first.weights_desc().get_size());
      sums = buffers.workspaceFloats(sumsAt, first.dst_desc().get_size());
      weightGradient = buffers.floats(step.weightGradient());
      biasGradient = step.biasGradient().map(buffers::floats);
      rows = new Rows[workers.count()];
      Arrays.setAll(rows, thread -> new Rows());
    }

    @Override
    public void run(Run run) {
      for (int k = 0; k < products.length; k++) {
        firstSample = k * chunk;
        workers.run(chunk * down, copying);
        products[k].execute();
      }
      collect();
    }

    /** One row of the output's places. */
    private void copy(int thread, int row) {
      rows[thread].fetch(x, firstSample + row / down, row % down);
      rows[thread].store(windows, row);
    }

    /** Adds the parts, and puts columns in the weights' order: channel, row, column. */
    private void collect() {
      int kernel = window.kernel();
      for (int o = 0; o < filters; o++) {
        for (int v = 0; v < kernel; v++) {
          for (int u = 0; u < kernel; u++) {
            for (int c = 0; c < channels; c++) {
              int to = ((o * channels + c) * kernel + v) * kernel + u;
              weightGradient.put(to, sum(o, (v * kernel + u) * channels + c));
            }
          }
        }
        if (biasGradient.isPresent()) {
          biasGradient.get().put(o, sum(o, columns - 1));
        }
      }
    }

    private float sum(int filter, int column) {
      float sum = 0;
      for (int part = 0; part < parts; part++) {
        sum += sums.get((part * filters + filter) * columns + column);
      }
      return sum;
    }
  }

  /** The windows of one row of the output; a thread's own. */
  private final class Rows {
    private final int inputRow = width * channels * bytes;
    private final int margin = window.padding() * channels * bytes;
    private final int paddedRow = inputRow + 2 * margin;
    private final int run = window.kernel() * channels * bytes;
    private final int taps = taps();

    /** 1 in little endian, as all processors have it that oneDNN is made for. */
    private final byte[] one =
        bytes == 2 ? new byte[] {(byte) 0x80, 0x3f} : new byte[] {0, 0, (byte) 0x80, 0x3f};

    /** As many rows of the input as a window has, with zeros at both ends. */
    private final byte[] input = new byte[window.kernel() * paddedRow + Long.BYTES];

    private final byte[] output = new byte[across * columns * bytes + Long.BYTES];

    void fetch(ByteBuffer x, int sample, int i) {
      for (int v = 0; v < window.kernel(); v++) {
        int row = i * window.stride() + v - window.padding();
        int to = v * paddedRow + margin;
        if (row < 0 || row >= height) {
          Arrays.fill(input, to, to + inputRow, (byte) 0);
        } else {
          x.get((sample * height + row) * inputRow, input, to, inputRow);
        }
      }
    }

    /**
     * Copies in words of eight bytes, since a row of a window is short. The last word of each may
     * reach over its end, to where something is written next.
     */
    void store(ByteBuffer windows, int row) {
      int step = window.stride() * channels * bytes;
      int each = columns * bytes;
      for (int j = 0; j < across; j++) {
        for (int v = 0; v < window.kernel(); v++) {
          int from = j * step + v * paddedRow;
          int to = j * each + v * run;
          for (int at = 0; at < run; at += Long.BYTES) {
            WORDS.set(output, to + at, (long) WORDS.get(input, from + at));
          }
        }
        if (columns > taps) {
          System.arraycopy(one, 0, output, (j + 1) * each - bytes, bytes);
        }
      }
      windows.put(row * across * each, output, 0, across * each);
    }
  }
}
