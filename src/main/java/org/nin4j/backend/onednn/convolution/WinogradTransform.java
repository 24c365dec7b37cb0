package org.nin4j.backend.onednn.convolution;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Minimal filtering over tiles of 6 or 8 elements, their <i>points</i>: a correlation of n inputs
 * with r taps has n + 1 − r results and takes n multiplications, since it is the evaluation of
 * polynomials at n points:
 *
 * <pre>
 *   y = Aᵀ [(G g) ⊙ (Bᵀ d)]
 * </pre>
 *
 * <p>Sources: Winograd, "Arithmetic Complexity of Computations", 1980; Lavin, Gray, "Fast
 * Algorithms for Convolutional Neural Networks", 2016, for tiles in two dimensions, where each
 * transform is applied to columns and to rows. All points are 0, ∞ and pairs ±a: of six, the pairs
 * are √½ and √2, not Lavin's 1 and 2, since they lie about 1 and come with their reciprocals, so
 * that powers stay small and results err by a quarter as much; of eight they are ½, 1 and 2, which
 * err least among the sets tried, four times as much as those six.
 *
 * <p>As polynomials with roots ±a are even but for one factor, values at a and −a are the sum and
 * the difference of an even and an odd part, and each part is a weighted sum of two to four lines:
 * arrays of neighbouring channels and pixels, where element i of each belongs to one tile. The
 * loops are as small as that, and use one index for all their arrays, on purpose: the compiler of
 * JDK 17 vectorises those, but neither loops over six lines with two results nor loops whose arrays
 * begin at different places; both take some ten times as long.
 */
final class WinogradTransform {
  /** Results of a tile in one direction, or the taps where a gradient is the filter. */
  static final int STEP = 4;

  private static final WinogradTransform SIX = new WinogradTransform(Math.sqrt(0.5), Math.sqrt(2));

  private static final WinogradTransform EIGHT = new WinogradTransform(0.5, 1, 2);

  /** All points but ∞: 0, then the pairs. */
  private final double[] finite;

  private final int pairs;
  private final WeightedSum inputAtZero;
  private final WeightedSum inputAtInfinity;
  private final WeightedSum[] inputEven;
  private final WeightedSum[] inputOdd;
  private final WeightedSum[] filterEven;
  private final WeightedSum[] filterOdd;
  private final WeightedSum[] results;

  private WinogradTransform(double... positive) {
    pairs = positive.length;
    finite = new double[2 * pairs + 1];
    for (int k = 0; k < pairs; k++) {
      finite[2 * k + 1] = positive[k];
      finite[2 * k + 2] = -positive[k];
    }
    double[] all = polynomial(positive, -1);
    inputAtZero = new WeightedSum(everySecond(0, pairs + 1), all);
    inputAtInfinity = new WeightedSum(everySecond(1, pairs + 1), all);
    inputEven = new WeightedSum[pairs];
    inputOdd = new WeightedSum[pairs];
    filterEven = new WeightedSum[pairs];
    filterOdd = new WeightedSum[pairs];
    for (int k = 0; k < pairs; k++) {
      double a = positive[k];
      double[] others = polynomial(positive, k);
      inputEven[k] = new WeightedSum(everySecond(2, pairs), others);
      inputOdd[k] = new WeightedSum(everySecond(1, pairs), times(a, others));
      double scale = scale(2 * k + 1);
      filterEven[k] = new WeightedSum(everySecond(0, 2), new double[] {scale, scale * a * a});
      filterOdd[k] =
          new WeightedSum(everySecond(1, 2), new double[] {scale * a, scale * a * a * a});
    }
    results = new WeightedSum[STEP];
    for (int power = 0; power < STEP; power++) {
      results[power] = result(positive, power);
    }
  }

  /** Σ aᵏ (m(a) ± m(−a)), and the value at 0 for k = 0, at ∞ for the last k. */
  private static WeightedSum result(double[] positive, int power) {
    int pairs = positive.length;
    boolean atZero = power == 0;
    boolean atInfinity = power == STEP - 1;
    int[] lines = new int[pairs + (atZero || atInfinity ? 1 : 0)];
    double[] factors = new double[lines.length];
    int first = atZero ? 1 : 0;
    if (atZero) {
      lines[0] = 0;
      factors[0] = 1;
    }
    for (int k = 0; k < pairs; k++) {
      lines[first + k] = 2 * k + 1 + power % 2;
      factors[first + k] = Math.pow(positive[k], power);
    }
    if (atInfinity) {
      lines[pairs] = 2 * pairs + 1;
      factors[pairs] = 1;
    }
    return new WeightedSum(lines, factors);
  }

  /** The coefficients of Π (t − a²) over all a but one, the constant first. */
  private static double[] polynomial(double[] positive, int but) {
    double[] coefficients = {1};
    for (int k = 0; k < positive.length; k++) {
      if (k != but) {
        double[] product = new double[coefficients.length + 1];
        for (int i = 0; i < coefficients.length; i++) {
          product[i] -= coefficients[i] * positive[k] * positive[k];
          product[i + 1] += coefficients[i];
        }
        coefficients = product;
      }
    }
    return coefficients;
  }

  private static double[] times(double factor, double[] values) {
    return Arrays.stream(values).map(value -> factor * value).toArray();
  }

  private static int[] everySecond(int first, int count) {
    return IntStream.range(0, count).map(i -> first + 2 * i).toArray();
  }

  /** With as many points as a filter of n taps needs to give {@link #STEP} results: 3 or 5. */
  static WinogradTransform of(int taps) {
    return switch (taps) {
      case 3 -> SIX;
      case 5 -> EIGHT;
      default -> throw new IllegalArgumentException(taps + " taps, not 3 or 5");
    };
  }

  /** Elements of a tile in one dimension, and multiplications for it. */
  int points() {
    return finite.length + 1;
  }

  /** 1 / Π (point − other). */
  private double scale(int point) {
    double product = 1;
    for (int other = 0; other < finite.length; other++) {
      product *= point == other ? 1 : finite[point] - finite[other];
    }
    return 1 / product;
  }

  /** G of the given number of taps: points × taps. */
  double[][] filterMatrix(int taps) {
    double[][] matrix = new double[points()][taps];
    for (int i = 0; i < finite.length; i++) {
      for (int k = 0; k < taps; k++) {
        matrix[i][k] = Math.pow(finite[i], k) * scale(i);
      }
    }
    matrix[points() - 1][taps - 1] = 1;
    return matrix;
  }

  /** Aᵀ of the given number of results: results × points. */
  double[][] resultMatrix(int results) {
    double[][] matrix = new double[results][points()];
    for (int i = 0; i < results; i++) {
      for (int j = 0; j < finite.length; j++) {
        matrix[i][j] = Math.pow(finite[j], i);
      }
    }
    matrix[results - 1][points() - 1] = 1;
    return matrix;
  }

  /**
   * The matrix of a transform in two dimensions, row by row: of tiles and results that are numbered
   * row by row.
   *
   * @param reversed whether the columns stand in reverse, which turns a filter by 180°
   */
  static float[] inTwoDimensions(double[][] matrix, boolean reversed) {
    int rows = matrix.length;
    int columns = matrix[0].length;
    float[] both = new float[rows * rows * columns * columns];
    for (int row = 0; row < rows * rows; row++) {
      for (int column = 0; column < columns * columns; column++) {
        double product =
            matrix[row / rows][column / columns] * matrix[row % rows][column % columns];
        int at = reversed ? columns * columns - 1 - column : column;
        both[row * columns * columns + at] = (float) product;
      }
    }
    return both;
  }

  /**
   * v = Bᵀ d: a line for each element to a line for each point. A row of B holds the coefficients
   * of Π (x − other point).
   *
   * @param begin where in all lines
   * @param end behind it
   */
  void input(float[][] d, float[][] v, int begin, int end) {
    inputAtZero.take(d, v[0], begin, end);
    for (int k = 0; k < pairs; k++) {
      inputEven[k].take(d, v[2 * k + 1], begin, end);
      inputOdd[k].take(d, v[2 * k + 2], begin, end);
      sumAndDifference(v[2 * k + 1], v[2 * k + 2], begin, end);
    }
    inputAtInfinity.take(d, v[points() - 1], begin, end);
  }

  /**
   * v = G g: {@link #STEP} lines, the taps, to a line for each point.
   *
   * @param begin where in all lines
   * @param end behind it
   */
  void filter(float[][] g, float[][] v, int begin, int end) {
    scale((float) scale(0), g[0], v[0], begin, end);
    for (int k = 0; k < pairs; k++) {
      filterEven[k].take(g, v[2 * k + 1], begin, end);
      filterOdd[k].take(g, v[2 * k + 2], begin, end);
      sumAndDifference(v[2 * k + 1], v[2 * k + 2], begin, end);
    }
    System.arraycopy(g[STEP - 1], begin, v[points() - 1], begin, end - begin);
  }

  /**
   * y = Aᵀ m: a line for each point to {@link #STEP} lines.
   *
   * @param m is overwritten
   * @param begin where in all lines
   * @param end behind it
   */
  void result(float[][] m, float[][] y, int begin, int end) {
    for (int k = 0; k < pairs; k++) {
      sumAndDifference(m[2 * k + 1], m[2 * k + 2], begin, end);
    }
    for (int power = 0; power < STEP; power++) {
      results[power].take(m, y[power], begin, end);
    }
  }

  private static void scale(float factor, float[] from, float[] to, int begin, int end) {
    for (int i = begin; i < end; i++) {
      to[i] = factor * from[i];
    }
  }

  private static void sumAndDifference(float[] a, float[] b, int begin, int end) {
    for (int i = begin; i < end; i++) {
      float first = a[i];
      float second = b[i];
      a[i] = first + second;
      b[i] = first - second;
    }
  }

  /** A weighted sum of two to four of the given lines. */
  private static final class WeightedSum {
    private final int[] lines;
    private final float[] factors;

    WeightedSum(int[] lines, double[] factors) {
      this.lines = lines;
      this.factors = new float[factors.length];
      for (int i = 0; i < factors.length; i++) {
        this.factors[i] = (float) factors[i];
      }
    }

    void take(float[][] from, float[] to, int begin, int end) {
      float[] a = from[lines[0]];
      float[] b = from[lines[1]];
      float fa = factors[0];
      float fb = factors[1];
      switch (lines.length) {
        case 2 -> two(fa, a, fb, b, to, begin, end);
        case 3 -> three(fa, a, fb, b, factors[2], from[lines[2]], to, begin, end);
        default -> {
          float[] c = from[lines[2]];
          four(fa, a, fb, b, factors[2], c, factors[3], from[lines[3]], to, begin, end);
        }
      }
    }

    private static void two(
        float fa, float[] a, float fb, float[] b, float[] to, int begin, int end) {
      for (int i = begin; i < end; i++) {
        to[i] = fa * a[i] + fb * b[i];
      }
    }

    private static void three(
        float fa,
        float[] a,
        float fb,
        float[] b,
        float fc,
        float[] c,
        float[] to,
        int begin,
        int end) {
      for (int i = begin; i < end; i++) {
        to[i] = fa * a[i] + fb * b[i] + fc * c[i];
      }
    }

    private static void four(
        float fa,
        float[] a,
        float fb,
        float[] b,
        float fc,
        float[] c,
        float fd,
        float[] d,
        float[] to,
        int begin,
        int end) {
      for (int i = begin; i < end; i++) {
        to[i] = fa * a[i] + fb * b[i] + fc * c[i] + fd * d[i];
      }
    }
  }
}
