package org.nin4j.backend.onednn;

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
 * <p>Loops run over lines, arrays of neighbouring channels and pixels: element i of each array
 * belongs to one tile. One line is one array, so that the compiler can prove what it needs to
 * vectorise.
 */
final class WinogradTransform {
  /** Results of a tile in one direction, or the taps where a gradient is the filter. */
  static final int STEP = 4;

  /**
   * A pair of points ±a.
   *
   * @param point a
   * @param square a²
   * @param cube a³
   * @param sum of the other pairs' squares
   * @param product of the other pairs' squares, of two; not used for one
   * @param scale 1 / Π (a − other point)
   */
  private record Pair(
      float point, float square, float cube, float sum, float product, float scale) {}

  private static final WinogradTransform SIX = new WinogradTransform(Math.sqrt(0.5), Math.sqrt(2));

  private static final WinogradTransform EIGHT = new WinogradTransform(0.5, 1, 2);

  /** All but ∞. */
  private final double[] finite;

  private final Pair[] pairs;

  private WinogradTransform(double... positive) {
    finite = new double[2 * positive.length + 1];
    for (int i = 0; i < positive.length; i++) {
      finite[2 * i + 1] = positive[i];
      finite[2 * i + 2] = -positive[i];
    }
    pairs = new Pair[positive.length];
    for (int i = 0; i < pairs.length; i++) {
      double sum = 0;
      double product = 1;
      for (int j = 0; j < pairs.length; j++) {
        sum += i == j ? 0 : positive[j] * positive[j];
        product *= i == j ? 1 : positive[j] * positive[j];
      }
      double a = positive[i];
      pairs[i] =
          new Pair(
              (float) a,
              (float) (a * a),
              (float) (a * a * a),
              (float) sum,
              (float) product,
              (float) scale(2 * i + 1));
    }
  }

  /** With so many points that a filter of so many taps gives {@link #STEP} results: 3 or 5. */
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

  /** G of so many taps: points × taps. */
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

  /** Aᵀ of so many results: results × points. */
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
   * of Π (x − other point), which is even but for the factor x ± a.
   */
  void input(float[][] d, float[][] v, int length) {
    if (pairs.length == 2) {
      outerOfSix(d[0], d[2], d[4], v[0], length);
      outerOfSix(d[1], d[3], d[5], v[5], length);
      for (int k = 0; k < 2; k++) {
        pairOfSix(d[1], d[2], d[3], d[4], pairs[k], v[2 * k + 1], v[2 * k + 2], length);
      }
    } else {
      outerOfEight(d[0], d[2], d[4], d[6], v[0], length);
      outerOfEight(d[1], d[3], d[5], d[7], v[7], length);
      for (int k = 0; k < 3; k++) {
        pairOfEight(
            d[1], d[2], d[3], d[4], d[5], d[6], pairs[k], v[2 * k + 1], v[2 * k + 2], length);
      }
    }
  }

  /** At 0, and at ∞: (x² − ½)(x² − 2). */
  private static void outerOfSix(float[] d0, float[] d2, float[] d4, float[] v, int length) {
    for (int i = 0; i < length; i++) {
      v[i] = d0[i] - 2.5f * d2[i] + d4[i];
    }
  }

  private static void pairOfSix(
      float[] d1,
      float[] d2,
      float[] d3,
      float[] d4,
      Pair pair,
      float[] plus,
      float[] minus,
      int length) {
    float sum = pair.sum();
    float point = pair.point();
    for (int i = 0; i < length; i++) {
      float even = d4[i] - sum * d2[i];
      float odd = point * (d3[i] - sum * d1[i]);
      plus[i] = even + odd;
      minus[i] = even - odd;
    }
  }

  /** At 0, and at ∞: (x² − ¼)(x² − 1)(x² − 4). */
  private static void outerOfEight(
      float[] d0, float[] d2, float[] d4, float[] d6, float[] v, int length) {
    for (int i = 0; i < length; i++) {
      v[i] = (d6[i] - d0[i]) + 5.25f * (d2[i] - d4[i]);
    }
  }

  private static void pairOfEight(
      float[] d1,
      float[] d2,
      float[] d3,
      float[] d4,
      float[] d5,
      float[] d6,
      Pair pair,
      float[] plus,
      float[] minus,
      int length) {
    float sum = pair.sum();
    float product = pair.product();
    float point = pair.point();
    for (int i = 0; i < length; i++) {
      float even = d6[i] - sum * d4[i] + product * d2[i];
      float odd = point * (d5[i] - sum * d3[i] + product * d1[i]);
      plus[i] = even + odd;
      minus[i] = even - odd;
    }
  }

  /** v = G g: {@link #STEP} lines, the taps, to a line for each point. */
  void filter(float[][] g, float[][] v, int length) {
    scale(g[0], (float) scale(0), v[0], length);
    for (int k = 0; k < pairs.length; k++) {
      filterPair(g[0], g[1], g[2], g[3], pairs[k], v[2 * k + 1], v[2 * k + 2], length);
    }
    System.arraycopy(g[3], 0, v[points() - 1], 0, length);
  }

  private static void scale(float[] g, float factor, float[] v, int length) {
    for (int i = 0; i < length; i++) {
      v[i] = factor * g[i];
    }
  }

  private static void filterPair(
      float[] g0,
      float[] g1,
      float[] g2,
      float[] g3,
      Pair pair,
      float[] plus,
      float[] minus,
      int length) {
    float square = pair.square();
    float even = pair.scale();
    float odd = pair.scale() * pair.point();
    for (int i = 0; i < length; i++) {
      float e = even * (g0[i] + square * g2[i]);
      float o = odd * (g1[i] + square * g3[i]);
      plus[i] = e + o;
      minus[i] = e - o;
    }
  }

  /** y = Aᵀ m: a line for each point to {@link #STEP} lines. */
  void result(float[][] m, float[][] y, int length) {
    Pair a = pairs[0];
    Pair b = pairs[1];
    if (pairs.length == 2) {
      evenOfSix(m[0], m[1], m[2], m[3], m[4], a, b, y[0], y[2], length);
      oddOfSix(m[1], m[2], m[3], m[4], m[5], a, b, y[1], y[3], length);
    } else {
      Pair c = pairs[2];
      evenOfEight(m[0], m[1], m[2], m[3], m[4], m[5], m[6], a, b, c, y[0], y[2], length);
      oddOfEight(m[1], m[2], m[3], m[4], m[5], m[6], m[7], a, b, c, y[1], y[3], length);
    }
  }

  private static void evenOfSix(
      float[] m0,
      float[] m1,
      float[] m2,
      float[] m3,
      float[] m4,
      Pair pairA,
      Pair pairB,
      float[] y0,
      float[] y2,
      int length) {
    float a2 = pairA.square();
    float b2 = pairB.square();
    for (int i = 0; i < length; i++) {
      float a = m1[i] + m2[i];
      float b = m3[i] + m4[i];
      y0[i] = m0[i] + a + b;
      y2[i] = a2 * a + b2 * b;
    }
  }

  private static void oddOfSix(
      float[] m1,
      float[] m2,
      float[] m3,
      float[] m4,
      float[] m5,
      Pair pairA,
      Pair pairB,
      float[] y1,
      float[] y3,
      int length) {
    float a1 = pairA.point();
    float a3 = pairA.cube();
    float b1 = pairB.point();
    float b3 = pairB.cube();
    for (int i = 0; i < length; i++) {
      float a = m1[i] - m2[i];
      float b = m3[i] - m4[i];
      y1[i] = a1 * a + b1 * b;
      y3[i] = a3 * a + b3 * b + m5[i];
    }
  }

  private static void evenOfEight(
      float[] m0,
      float[] m1,
      float[] m2,
      float[] m3,
      float[] m4,
      float[] m5,
      float[] m6,
      Pair pairA,
      Pair pairB,
      Pair pairC,
      float[] y0,
      float[] y2,
      int length) {
    float a2 = pairA.square();
    float b2 = pairB.square();
    float c2 = pairC.square();
    for (int i = 0; i < length; i++) {
      float a = m1[i] + m2[i];
      float b = m3[i] + m4[i];
      float c = m5[i] + m6[i];
      y0[i] = m0[i] + a + b + c;
      y2[i] = a2 * a + b2 * b + c2 * c;
    }
  }

  private static void oddOfEight(
      float[] m1,
      float[] m2,
      float[] m3,
      float[] m4,
      float[] m5,
      float[] m6,
      float[] m7,
      Pair pairA,
      Pair pairB,
      Pair pairC,
      float[] y1,
      float[] y3,
      int length) {
    float a1 = pairA.point();
    float a3 = pairA.cube();
    float b1 = pairB.point();
    float b3 = pairB.cube();
    float c1 = pairC.point();
    float c3 = pairC.cube();
    for (int i = 0; i < length; i++) {
      float a = m1[i] - m2[i];
      float b = m3[i] - m4[i];
      float c = m5[i] - m6[i];
      y1[i] = a1 * a + b1 * b + c1 * c;
      y3[i] = a3 * a + b3 * b + c3 * c + m7[i];
    }
  }
}
