package org.nin4j.backend.onednn;

/**
 * Minimal filtering over tiles of six elements: a correlation of 6 inputs with r taps has 7 − r
 * results and takes 6 multiplications, since it is the evaluation of polynomials at six points:
 *
 * <pre>
 *   y = Aᵀ [(G g) ⊙ (Bᵀ d)]
 * </pre>
 *
 * <p>Sources: Winograd, "Arithmetic Complexity of Computations", 1980; Lavin, Gray, "Fast
 * Algorithms for Convolutional Neural Networks", 2016, for tiles in two dimensions, where each
 * transform is applied to columns and to rows. The points here are 0, ±√½, ±√2 and ∞, not Lavin's
 * 0, ±1, ±2, ∞: since they lie about 1 and come with their reciprocals, powers stay small and
 * results err by a quarter as much.
 *
 * <p>Loops run over lines, arrays of neighbouring channels and pixels: element i of each array
 * belongs to one tile. One line is one array, so that the compiler can prove what it needs to
 * vectorise.
 */
final class WinogradTransform {
  /** Elements of a tile in one dimension, and multiplications for it. */
  static final int POINTS = 6;

  private static final double INNER = Math.sqrt(0.5);
  private static final double OUTER = Math.sqrt(2);
  private static final double[] FINITE = {0, INNER, -INNER, OUTER, -OUTER};

  private static final float P = (float) INNER;
  private static final float Q = (float) OUTER;
  private static final float P2 = 0.5f;
  private static final float Q2 = 2;

  /** 1 / Π (point − other), with the points' squares ½ and 2. */
  private static final float AT_INNER = -2 / 3f;

  private static final float AT_OUTER = 1 / 6f;

  private WinogradTransform() {}

  /** G of so many taps: {@link #POINTS} × taps. */
  static double[][] filterMatrix(int taps) {
    double[][] matrix = new double[POINTS][taps];
    for (int i = 0; i < FINITE.length; i++) {
      double product = 1;
      for (int j = 0; j < FINITE.length; j++) {
        product *= i == j ? 1 : FINITE[i] - FINITE[j];
      }
      for (int k = 0; k < taps; k++) {
        matrix[i][k] = Math.pow(FINITE[i], k) / product;
      }
    }
    matrix[POINTS - 1][taps - 1] = 1;
    return matrix;
  }

  /** Aᵀ of so many results: results × {@link #POINTS}. */
  static double[][] resultMatrix(int results) {
    double[][] matrix = new double[results][POINTS];
    for (int i = 0; i < results; i++) {
      for (int j = 0; j < FINITE.length; j++) {
        matrix[i][j] = Math.pow(FINITE[j], i);
      }
    }
    matrix[results - 1][POINTS - 1] = 1;
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

  /** v = Bᵀ d: six lines to six. */
  static void input(float[][] d, float[][] v, int length) {
    atZero(d[0], d[2], d[4], v[0], length);
    atPair(d[1], d[2], d[3], d[4], Q2, P, v[1], v[2], length);
    atPair(d[1], d[2], d[3], d[4], P2, Q, v[3], v[4], length);
    atZero(d[1], d[3], d[5], v[5], length);
  }

  private static void atZero(float[] d0, float[] d2, float[] d4, float[] v, int length) {
    for (int i = 0; i < length; i++) {
      v[i] = d0[i] - (P2 + Q2) * d2[i] + d4[i];
    }
  }

  /** At ± a point, with the square of the other pair's. */
  private static void atPair(
      float[] d1,
      float[] d2,
      float[] d3,
      float[] d4,
      float square,
      float point,
      float[] plus,
      float[] minus,
      int length) {
    for (int i = 0; i < length; i++) {
      float even = d4[i] - square * d2[i];
      float odd = point * (d3[i] - square * d1[i]);
      plus[i] = even + odd;
      minus[i] = even - odd;
    }
  }

  /** v = G g: 2 or 4 lines, the taps, to six. */
  static void filter(float[][] g, float[][] v, int taps, int length) {
    if (taps == 2) {
      atPairOfTwo(g[0], g[1], AT_INNER, AT_INNER * P, v[1], v[2], length);
      atPairOfTwo(g[0], g[1], AT_OUTER, AT_OUTER * Q, v[3], v[4], length);
    } else {
      atPairOfFour(g, P2, AT_INNER, AT_INNER * P, v[1], v[2], length);
      atPairOfFour(g, Q2, AT_OUTER, AT_OUTER * Q, v[3], v[4], length);
    }
    System.arraycopy(g[0], 0, v[0], 0, length);
    System.arraycopy(g[taps - 1], 0, v[5], 0, length);
  }

  private static void atPairOfTwo(
      float[] g0, float[] g1, float even, float odd, float[] plus, float[] minus, int length) {
    for (int i = 0; i < length; i++) {
      float e = even * g0[i];
      float o = odd * g1[i];
      plus[i] = e + o;
      minus[i] = e - o;
    }
  }

  private static void atPairOfFour(
      float[][] g, float square, float even, float odd, float[] plus, float[] minus, int length) {
    float[] g0 = g[0];
    float[] g1 = g[1];
    float[] g2 = g[2];
    float[] g3 = g[3];
    for (int i = 0; i < length; i++) {
      float e = even * (g0[i] + square * g2[i]);
      float o = odd * (g1[i] + square * g3[i]);
      plus[i] = e + o;
      minus[i] = e - o;
    }
  }

  /** y = Aᵀ m: six lines to 2 or 4, the results. */
  static void result(float[][] m, float[][] y, int results, int length) {
    if (results == 2) {
      twoResults(m[0], m[1], m[2], m[3], m[4], m[5], y[0], y[1], length);
    } else {
      evenResults(m[0], m[1], m[2], m[3], m[4], y[0], y[2], length);
      oddResults(m[1], m[2], m[3], m[4], m[5], y[1], y[3], length);
    }
  }

  private static void twoResults(
      float[] m0,
      float[] m1,
      float[] m2,
      float[] m3,
      float[] m4,
      float[] m5,
      float[] y0,
      float[] y1,
      int length) {
    for (int i = 0; i < length; i++) {
      y0[i] = m0[i] + (m1[i] + m2[i]) + (m3[i] + m4[i]);
      y1[i] = P * (m1[i] - m2[i]) + Q * (m3[i] - m4[i]) + m5[i];
    }
  }

  private static void evenResults(
      float[] m0,
      float[] m1,
      float[] m2,
      float[] m3,
      float[] m4,
      float[] y0,
      float[] y2,
      int length) {
    for (int i = 0; i < length; i++) {
      float inner = m1[i] + m2[i];
      float outer = m3[i] + m4[i];
      y0[i] = m0[i] + inner + outer;
      y2[i] = P2 * inner + Q2 * outer;
    }
  }

  private static void oddResults(
      float[] m1,
      float[] m2,
      float[] m3,
      float[] m4,
      float[] m5,
      float[] y1,
      float[] y3,
      int length) {
    for (int i = 0; i < length; i++) {
      float inner = P * (m1[i] - m2[i]);
      float outer = Q * (m3[i] - m4[i]);
      y1[i] = inner + outer;
      y3[i] = P2 * inner + Q2 * outer + m5[i];
    }
  }
}
