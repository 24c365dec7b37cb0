package org.nin4j.backend.cuda.convolution;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;
import org.nin4j.backend.cuda.convolution.ConvolutionCase.Kind;
import org.nin4j.backend.cuda.convolution.ConvolutionChoice.Method;
import org.nin4j.backend.cuda.device.Check;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.device.Work;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.backend.cuda.kernel.Kernels;
import org.nin4j.model.Window;
import org.nin4j.tensor.Bfloat16;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Philox;
import org.nin4j.text.Text;

/**
 * A convolution on random numbers, checked against a plain computation in double.
 *
 * <p>Some elements of the result are computed on the host: corners and random places. The random
 * numbers are counter-based, so the host draws just those that it needs. Each difference is
 * measured by the root r of the sum of the squares of the n products summed, which is the size that
 * a sum of random products has; so is the norm of all differences, by the norm of all r. Of that,
 * half as much is allowed as in the worst place:
 *
 * <ul>
 *   <li>fp32 results of exact fp32 factors: 5e-5, for the rounding of sums of up to a million
 *       products and Winograd's transforms. Factors rounded to TF32 would give 2e-4 and more.
 *   <li>fp32 results of bf16 factors or of such rounded to TF32: 4e-3, and n 2⁻²⁵. A factor cut to
 *       10 bits errs by up to 2⁻¹⁰, both by up to 2⁻⁹ of their product. And tensor cores truncate
 *       their sum towards zero every k products, k being 4 to 16, to 24 bits: by 2⁻²⁴ of it on the
 *       average. Sums grow with the root of their number, so a sum never split loses some 2⁻²⁴ ⅔ n
 *       / k of r, a quarter of n 2⁻²⁵ with k = 4 or more: 5e-5 with 18,432 products, where single
 *       places lose several times as much, and 1e-3 with the 373,248 of a first filter gradient.
 *   <li>bf16 results: 2⁻⁶ and the same of n; a result of four times r, rounded to 8 bits, errs by
 *       2⁻⁷.
 * </ul>
 */
final class ConvolutionTrial {
  private static final int PLACES = 16;
  private static final double EXACT = 5e-5;
  private static final double ROUNDED_FACTORS = 4e-3;
  private static final double ROUNDED_RESULT = 0x1p-6;
  private static final double TRUNCATION = 0x1p-25;

  /** The norm's part of what is allowed in the worst place. */
  private static final double NORM = 0.5;

  private static final long SEED_X = 0x9e37_79b9L;
  private static final long SEED_W = 0x85eb_ca6bL;
  private static final long SEED_Y = 0xc2b2_ae35L;
  private static final long SEED_B = 0x27d4_eb2fL;
  private static final long SEED_MASK = 0x1656_67b1L;

  private final Device device;
  private final KernelLibrary kernels;
  private final ConvolutionCase c;
  private final ConvolutionWork.Operands at;

  ConvolutionTrial(
      Device device, KernelLibrary kernels, ConvolutionCase c, ConvolutionWork.Operands at) {
    this.device = device;
    this.kernels = kernels;
    this.c = c;
    this.at = at;
  }

  /** Puts random numbers where the convolution reads. */
  void fillOperands() {
    if (c.kind() != Kind.BACKWARD_DATA) {
      fill(c.type(), at.x(), c.inputElements(), SEED_X);
    }
    if (c.kind() != Kind.BACKWARD_FILTER) {
      fill(c.type(), at.weight(), c.weightElements(), SEED_W);
    }
    if (c.isMasked()) {
      fill(c.type(), at.mask(), c.inputElements(), SEED_MASK);
    }
    if (c.kind() == Kind.FORWARD) {
      fill(DType.F32, at.bias(), c.filters(), SEED_B);
      if (c.type() == DType.BF16) {
        fill(DType.BF16, at.typedBias(), c.filters(), SEED_B);
      }
    } else {
      fill(c.type(), at.y(), c.outputElements(), SEED_Y);
    }
  }

  private void fill(DType type, CUdeviceptr target, long elements, long seed) {
    int rounded = c.type() == DType.BF16 ? 1 : 0;
    Kernels.fillRandomly(kernels, type, target, elements, seed, rounded).enqueue();
  }

  /**
   * Runs the convolution once over a result of NaNs and looks at some of its elements.
   *
   * @param method by which it is computed: some round more
   * @return what is wrong; empty if nothing is
   */
  Optional<String> check(Work work, Method method) {
    CUdeviceptr result = result();
    int bytes = resultType().bytes();
    long elements = resultElements();
    Check.driver(
        JCudaDriver.cuMemsetD8Async(result, (byte) -1, elements * bytes, device.stream()),
        "cuMemsetD8Async");
    work.enqueue();
    double squaredErrors = 0;
    double squares = 0;
    for (long element : places(elements)) {
      float[] actual = new float[1];
      device
          .staging()
          .download(
              result.withByteOffset(element * bytes),
              bytes,
              (buffer, offset) ->
                  actual[0] =
                      resultType() == DType.F32
                          ? buffer.getFloat(0)
                          : Bfloat16.toFloat(buffer.getShort(0)));
      Sum expected = expected(element);
      double error = actual[0] - expected.value();
      // Written so that NaN fails.
      if (!(Math.abs(error) <= tolerance(method) * Math.sqrt(expected.squares))) {
        return Optional.of(
            Text.of("element %d is %s, not %s", element, actual[0], expected.value()));
      }
      squaredErrors += error * error;
      squares += expected.squares;
    }
    double allowed = NORM * tolerance(method);
    return squaredErrors <= allowed * allowed * squares
        ? Optional.empty()
        : Optional.of(
            Text.of("its elements err by %.1e on the average", Math.sqrt(squaredErrors / squares)));
  }

  /**
   * Runs the convolution twice more on the same random numbers.
   *
   * @return what is wrong if it does not give the same bits
   */
  Optional<String> checkRepeats(Work work) {
    long bytes = resultElements() * resultType().bytes();
    work.enqueue();
    long first = device.staging().checksum(result(), bytes);
    work.enqueue();
    return device.staging().checksum(result(), bytes) == first
        ? Optional.empty()
        : Optional.of("its bits change from run to run, though cuDNN calls it deterministic");
  }

  private CUdeviceptr result() {
    return switch (c.kind()) {
      case FORWARD -> at.y();
      case BACKWARD_DATA -> at.x();
      case BACKWARD_FILTER -> at.weight();
    };
  }

  private DType resultType() {
    return c.kind() == Kind.BACKWARD_FILTER ? DType.F32 : c.type();
  }

  private long resultElements() {
    return switch (c.kind()) {
      case FORWARD -> c.outputElements();
      case BACKWARD_DATA -> c.inputElements();
      case BACKWARD_FILTER -> c.weightElements();
    };
  }

  private double tolerance(Method method) {
    if (c.type() == DType.F32 && !c.rounding()) {
      return EXACT;
    }
    return (resultType() == DType.BF16 || method == Method.CUDNN_GRAPH_ROUNDED
            ? ROUNDED_RESULT
            : ROUNDED_FACTORS)
        + products() * TRUNCATION;
  }

  /** In a sum, at most. */
  private long products() {
    long taps = (long) c.window().kernel() * c.window().kernel();
    return switch (c.kind()) {
      case FORWARD -> taps * c.channelsOfGroup();
      case BACKWARD_DATA -> taps * c.filtersOfGroup();
      case BACKWARD_FILTER -> c.rows();
    };
  }

  private static List<Long> places(long elements) {
    Philox.Sequence random = new Philox.Sequence(elements, 0, 0);
    List<Long> places = new ArrayList<>(List.of(0L, elements - 1));
    for (int i = 0; i < PLACES; i++) {
      places.add((long) (random.nextUniform() * elements) % elements);
    }
    return places;
  }

  /** A sum of products and of their squares. */
  private static final class Sum {
    private final boolean relu;
    private double sum;
    private double squares;
    private boolean masked;

    Sum(boolean relu) {
      this.relu = relu;
    }

    void add(double product) {
      sum += product;
      squares += product * product;
    }

    /** The same with 0 as its value. */
    Sum masked() {
      masked = true;
      return this;
    }

    double value() {
      if (masked) {
        return 0;
      }
      return relu ? Math.max(sum, 0) : sum;
    }
  }

  /** The random numbers of one tensor, by element. */
  private final class Numbers {
    private final long seed;
    private final int[] words = new int[4];
    private long block = -1;

    Numbers(long seed) {
      this.seed = seed;
    }

    float at(long element) {
      if (block != element / 4) {
        block = element / 4;
        Philox.block(seed, block, 0, 0, words);
      }
      float value = 2 * Philox.uniform(words[(int) (element % 4)]) - 1;
      return c.type() == DType.BF16 ? Bfloat16.round(value) : value;
    }
  }

  private Sum expected(long element) {
    return switch (c.kind()) {
      case FORWARD -> forward(element);
      case BACKWARD_DATA -> backwardData(element);
      case BACKWARD_FILTER -> backwardFilter(element);
    };
  }

  private long inputAt(long n, long row, long column) {
    return ((n * c.height() + row) * c.width() + column) * c.channels();
  }

  private long outputAt(long n, long i, long j) {
    return ((n * c.outHeight() + i) * c.outWidth() + j) * c.filters();
  }

  private long weightAt(long o, long u, long v) {
    int kernel = c.window().kernel();
    return ((o * kernel + u) * kernel + v) * c.channelsOfGroup();
  }

  /** Element of y at (n, i, j, o): the bias and the window's products. */
  private Sum forward(long element) {
    long o = element % c.filters();
    long j = element / c.filters() % c.outWidth();
    long i = element / c.filters() / c.outWidth() % c.outHeight();
    long n = element / c.filters() / c.outWidth() / c.outHeight();
    Numbers x = new Numbers(SEED_X);
    Numbers w = new Numbers(SEED_W);
    Window window = c.window();
    long first = o / c.filtersOfGroup() * c.channelsOfGroup();
    Sum sum = new Sum(c.relu());
    sum.add(new Numbers(SEED_B).at(o));
    for (int u = 0; u < window.kernel(); u++) {
      for (int v = 0; v < window.kernel(); v++) {
        long row = i * window.stride() + u - window.padding();
        long column = j * window.stride() + v - window.padding();
        if (row >= 0 && row < c.height() && column >= 0 && column < c.width()) {
          for (int k = 0; k < c.channelsOfGroup(); k++) {
            double product =
                (double) x.at(inputAt(n, row, column) + first + k) * w.at(weightAt(o, u, v) + k);
            sum.add(product);
          }
        }
      }
    }
    return sum;
  }

  /** Element of dx at (n, row, column, k): from the windows that cover it. */
  private Sum backwardData(long element) {
    long k = element % c.channels();
    long column = element / c.channels() % c.width();
    long row = element / c.channels() / c.width() % c.height();
    long n = element / c.channels() / c.width() / c.height();
    Numbers dy = new Numbers(SEED_Y);
    Numbers w = new Numbers(SEED_W);
    Window window = c.window();
    int first = (int) k / c.channelsOfGroup() * c.filtersOfGroup();
    long inGroup = k % c.channelsOfGroup();
    Sum sum = new Sum(false);
    for (int u = 0; u < window.kernel(); u++) {
      for (int v = 0; v < window.kernel(); v++) {
        long up = row + window.padding() - u;
        long left = column + window.padding() - v;
        long i = Math.floorDiv(up, window.stride());
        long j = Math.floorDiv(left, window.stride());
        boolean on = up % window.stride() == 0 && left % window.stride() == 0;
        if (on && i >= 0 && i < c.outHeight() && j >= 0 && j < c.outWidth()) {
          for (int o = first; o < first + c.filtersOfGroup(); o++) {
            sum.add((double) dy.at(outputAt(n, i, j) + o) * w.at(weightAt(o, u, v) + inGroup));
          }
        }
      }
    }
    boolean passes = !c.isMasked() || new Numbers(SEED_MASK).at(element) > 0;
    return passes ? sum : sum.masked();
  }

  /** Element of dw at (o, u, v, k): over all places of the window in the batch. */
  private Sum backwardFilter(long element) {
    Window window = c.window();
    int channels = c.channelsOfGroup();
    long v = element / channels % window.kernel();
    long u = element / channels / window.kernel() % window.kernel();
    long o = element / channels / window.kernel() / window.kernel();
    long k = o / c.filtersOfGroup() * channels + element % channels;
    Numbers x = new Numbers(SEED_X);
    Numbers dy = new Numbers(SEED_Y);
    Sum sum = new Sum(false);
    for (int n = 0; n < c.samples(); n++) {
      for (int i = 0; i < c.outHeight(); i++) {
        for (int j = 0; j < c.outWidth(); j++) {
          long row = (long) i * window.stride() + u - window.padding();
          long column = (long) j * window.stride() + v - window.padding();
          if (row >= 0 && row < c.height() && column >= 0 && column < c.width()) {
            sum.add((double) dy.at(outputAt(n, i, j) + o) * x.at(inputAt(n, row, column) + k));
          }
        }
      }
    }
    return sum;
  }
}
