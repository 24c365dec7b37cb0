package org.nin4j.backend.onednn.convolution;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.nin4j.backend.onednn.library.Workers;
import org.nin4j.model.Window;
import org.nin4j.plan.step.ConvolutionBackwardData;
import org.nin4j.plan.step.ConvolutionBackwardFilter;
import org.nin4j.plan.step.ConvolutionStep;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;

/**
 * The windows of a convolution copied side by side, so that it becomes a matrix product: a row for
 * each place of the output, whose columns are the window's numbers by row, column and channel, as
 * images lie in memory. What is outside of the image is 0.
 *
 * <p>A window of one pixel that moves by one needs no copy: there the image is the matrix.
 */
final class Im2col {
  /**
   * Numbers of a matrix and its results that a thread has in hand: some megabytes, which its caches
   * hold.
   */
  private static final long ELEMENTS = 1L << 21;

  /** How windows are copied. */
  enum Copies {
    /** Not at all: the images are the matrix. */
    NONE,
    /** In words of eight bytes, where rows of a window are short. */
    BY_WORDS,
    /** A row of a window at a time. */
    BY_RUNS
  }

  /** With more channels the copy for a column of ones costs more than the sum by itself. */
  private static final int FEW_CHANNELS = 4;

  /** Fewer bytes are copied faster by words than by a call. */
  private static final int SHORT_RUN = 128;

  private static final VarHandle WORDS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

  private final Workers workers;
  private final Window window;
  private final TensorSpec images;
  private final int channels;
  private final int height;
  private final int width;
  private final int down;
  private final int across;
  private final int bytes;
  private final boolean ones;

  /**
   * @param images what the window slides over
   * @param results an image of as many pixels as there are places for the window
   * @param ones whether each row ends with a 1, whose product is a sum
   */
  private Im2col(
      Workers workers, Window window, TensorSpec images, TensorSpec results, boolean ones) {
    this.workers = workers;
    this.window = window;
    this.images = images;
    this.ones = ones;
    channels = images.shape().dim(1);
    height = images.shape().dim(2);
    width = images.shape().dim(3);
    down = results.shape().dim(2);
    across = results.shape().dim(3);
    bytes = images.type().bytes();
  }

  /** The windows of a step, for which there {@linkplain #suits is} such a product. */
  static Im2col of(Workers workers, ConvolutionStep step) {
    Window window = step.convolution().window();
    TensorSpec x = step.images();
    TensorSpec y = step.results();
    if (step instanceof ConvolutionBackwardData) {
      int padding = window.kernel() - 1 - window.padding();
      return new Im2col(workers, new Window(window.kernel(), 1, padding), y, x, false);
    }
    boolean ones =
        step instanceof ConvolutionBackwardFilter filter
            && filter.biasGradient().isPresent()
            && x.shape().dim(1) <= FEW_CHANNELS;
    return new Im2col(workers, window, x, y, ones);
  }

  /** Whether a step is a product with windows of its images, or of its gradient's. */
  static boolean suits(Workers workers, ConvolutionStep step) {
    Window window = step.convolution().window();
    boolean slides = window.stride() == 1 && window.padding() < window.kernel();
    return step.convolution().groups() == 1
        && step.images().type() == step.results().type()
        && (slides || !(step instanceof ConvolutionBackwardData))
        && of(workers, step).fits();
  }

  /** Whether what is in hand can be addressed. */
  private boolean fits() {
    return images.bytes() <= Integer.MAX_VALUE
        && workers.count() * Math.max(ELEMENTS, rows() * columns()) * Float.BYTES
            <= Integer.MAX_VALUE;
  }

  boolean copies() {
    return howCopied() != Copies.NONE;
  }

  Copies howCopied() {
    if (!ones && window.equals(new Window(1, 1, 0))) {
      return Copies.NONE;
    }
    return window.kernel() * channels * bytes < SHORT_RUN ? Copies.BY_WORDS : Copies.BY_RUNS;
  }

  /** Whether each row ends with a 1. */
  boolean ones() {
    return ones;
  }

  /** Numbers in a window. */
  int taps() {
    return channels * window.kernel() * window.kernel();
  }

  /** Of a row. */
  int columns() {
    return taps() + (ones ? 1 : 0);
  }

  /** For each sample. */
  long rows() {
    return (long) down * across;
  }

  int threads() {
    return workers.count();
  }

  DType type() {
    return images.type();
  }

  /**
   * The most samples that a thread has in hand and that divide those that it is given: all, if none
   * is copied.
   *
   * @param results numbers that belong to a row beside its columns
   */
  int samples(int given, int results) {
    long each = rows() * (columns() + results);
    return copies()
        ? largestDivisor(given, (int) Math.max(1, Math.min(given, ELEMENTS / each)))
        : given;
  }

  static int largestDivisor(int of, int most) {
    int divisor = Math.min(of, most);
    while (of % divisor != 0) {
      divisor--;
    }
    return divisor;
  }

  /** Ties it to images and to room for the rows of some samples. */
  Copying bind(ByteBuffer from, ByteBuffer to) {
    return new Copying(from, to);
  }

  /** Copies by all threads, a row of the output's places at a time. */
  final class Copying {
    private final ByteBuffer from;
    private final ByteBuffer to;
    private final Rows[] rows = new Rows[workers.count()];
    private final Workers.Task task = this::row;
    private int firstSample;

    private Copying(ByteBuffer from, ByteBuffer to) {
      this.from = from;
      this.to = to;
      Arrays.setAll(rows, thread -> new Rows());
    }

    void copy(int first, int samples) {
      firstSample = first;
      workers.run(samples * down, task);
    }

    private void row(int thread, int row) {
      rows[thread].fetch(from, firstSample + row / down, row % down);
      rows[thread].store(to, row);
    }
  }

  /** The windows of one row of the output; a thread's own. */
  private final class Rows {
    private final int inputRow = width * channels * bytes;
    private final int margin = window.padding() * channels * bytes;
    private final int paddedRow = inputRow + 2 * margin;
    private final int run = window.kernel() * channels * bytes;
    private final int each = columns() * bytes;

    /** 1 in little endian, as all processors have it that oneDNN is made for. */
    private final byte[] one =
        bytes == 2 ? new byte[] {(byte) 0x80, 0x3f} : new byte[] {0, 0, (byte) 0x80, 0x3f};

    /** As many rows of the input as a window has, with zeros at both ends. */
    private final byte[] input = new byte[window.kernel() * paddedRow + Long.BYTES];

    private final byte[] output =
        new byte[howCopied() == Copies.BY_WORDS ? across * each + Long.BYTES : 0];

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

    void store(ByteBuffer windows, int row) {
      if (output.length > 0) {
        storeByWords(windows, row);
        return;
      }
      int step = window.stride() * channels * bytes;
      int to = row * across * each;
      for (int j = 0; j < across; j++) {
        for (int v = 0; v < window.kernel(); v++) {
          windows.put(to + j * each + v * run, input, j * step + v * paddedRow, run);
        }
        if (ones) {
          windows.put(to + (j + 1) * each - bytes, one, 0, bytes);
        }
      }
    }

    /** The last word of a run may reach over its end, to where something is written next. */
    private void storeByWords(ByteBuffer windows, int row) {
      int step = window.stride() * channels * bytes;
      for (int j = 0; j < across; j++) {
        for (int v = 0; v < window.kernel(); v++) {
          int from = j * step + v * paddedRow;
          int to = j * each + v * run;
          for (int at = 0; at < run; at += Long.BYTES) {
            WORDS.set(output, to + at, (long) WORDS.get(input, from + at));
          }
        }
        if (ones) {
          System.arraycopy(one, 0, output, (j + 1) * each - bytes, bytes);
        }
      }
      windows.put(row * across * each, output, 0, across * each);
    }
  }
}
