package org.nin4j.data.whitening;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * A symmetric matrix in double precision, of which the elements (i, j) with j ≥ i are kept. Works
 * on all processors; each element is computed by one of them in a fixed order, so that their number
 * changes nothing.
 */
final class SymmetricMatrix {
  /** Rows of what {@link #addProducts} multiplies; a multiple of {@link #STEP}. */
  static final int BLOCK = 64;

  /** Elements of a row that stay in a core's nearest cache meanwhile. */
  private static final int TILE = 512;

  /** Rows of the matrix that pass over a block together, and of the block in one loop. */
  private static final int STEP = 4;

  private final int size;

  /** A multiple of {@link #STEP}; what is beyond the size stays 0. */
  private final int padded;

  private final double[][] rows;

  private SymmetricMatrix(int size) {
    this.size = size;
    padded = (size + STEP - 1) / STEP * STEP;
    rows = new double[padded][padded];
  }

  static SymmetricMatrix zeros(int size) {
    return new SymmetricMatrix(size);
  }

  SymmetricMatrix copy() {
    SymmetricMatrix copy = new SymmetricMatrix(size);
    for (int i = 0; i < size; i++) {
      System.arraycopy(rows[i], 0, copy.rows[i], 0, padded);
    }
    return copy;
  }

  int size() {
    return size;
  }

  double get(int i, int j) {
    return i <= j ? rows[i][j] : rows[j][i];
  }

  private void set(int i, int j, double value) {
    if (i <= j) {
      rows[i][j] = value;
    } else {
      rows[j][i] = value;
    }
  }

  /** A block of zeros for {@link #addProducts}: BLOCK rows, at least as long as the matrix's. */
  double[][] block() {
    return new double[BLOCK][padded];
  }

  /** A ← A + leftᵀ · right, which must be symmetric; both as {@link #block} makes them. */
  void addProducts(double[][] left, double[][] right) {
    int groups = padded / STEP;
    // A short row beside a long one, so that every task takes as long as any other.
    IntStream.range(0, (groups + 1) / 2)
        .parallel()
        .forEach(
            group -> {
              addProducts(left, right, group * STEP);
              int other = groups - 1 - group;
              if (other != group) {
                addProducts(left, right, other * STEP);
              }
            });
  }

  private void addProducts(double[][] left, double[][] right, int row) {
    for (int from = row; from < padded; from += TILE) {
      int to = Math.min(padded, from + TILE);
      for (int r = 0; r < BLOCK; r += STEP) {
        for (int i = row; i < row + STEP; i++) {
          addFour(left, right, r, i, from, to);
        }
      }
    }
  }

  /** One row of the matrix, four of the blocks: the loop that the compiler turns into vectors. */
  private void addFour(double[][] left, double[][] right, int r, int i, int from, int to) {
    double[] b0 = right[r];
    double[] b1 = right[r + 1];
    double[] b2 = right[r + 2];
    double[] b3 = right[r + 3];
    double a0 = left[r][i];
    double a1 = left[r + 1][i];
    double a2 = left[r + 2][i];
    double a3 = left[r + 3][i];
    double[] c = rows[i];
    for (int j = from; j < to; j++) {
      c[j] += a0 * b0[j] + a1 * b1[j] + a2 * b2[j] + a3 * b3[j];
    }
  }

  /** A ← A + value · I. */
  void addToDiagonal(double value) {
    for (int i = 0; i < size; i++) {
      rows[i][i] += value;
    }
  }

  /** A ← A + factor · other. */
  void add(double factor, SymmetricMatrix other) {
    IntStream.range(0, size)
        .parallel()
        .forEach(
            i -> {
              double[] to = rows[i];
              double[] from = other.rows[i];
              for (int j = i; j < size; j++) {
                to[j] += factor * from[j];
              }
            });
  }

  /** A ← factor · A. */
  void scale(double factor) {
    for (int i = 0; i < size; i++) {
      for (int j = i; j < size; j++) {
        rows[i][j] *= factor;
      }
    }
  }

  /** The largest sum of a row's magnitudes, which no eigenvalue's magnitude exceeds. */
  double largestRowSum() {
    double[] sums = new double[size];
    for (int i = 0; i < size; i++) {
      sums[i] += Math.abs(rows[i][i]);
      for (int j = i + 1; j < size; j++) {
        double magnitude = Math.abs(rows[i][j]);
        sums[i] += magnitude;
        sums[j] += magnitude;
      }
    }
    return Arrays.stream(sums).max().orElseThrow();
  }

  /**
   * A ← A⁻¹ for a positive definite matrix, by sweeping out blocks K of rows and columns: with D =
   * A[K, K]⁻¹, A[i, j] ← A[i, j] − A[i, K] · D · A[K, j] outside, A[K, j] ← D · A[K, j], A[K, K] ←
   * −D; after all blocks A is −A⁻¹. Source: Goodnight, "A Tutorial on the SWEEP Operator", 1979.
   *
   * @throws ArithmeticException if it is not positive definite
   */
  void invert() {
    double[][] panel = block();
    double[][] solved = block();
    for (int first = 0; first < size; first += BLOCK) {
      int start = first;
      int count = Math.min(BLOCK, size - first);
      double[][] pivot = new double[count][count];
      for (int r = 0; r < BLOCK; r++) {
        Arrays.fill(panel[r], 0);
        Arrays.fill(solved[r], 0);
        for (int j = 0; r < count && j < size; j++) {
          panel[r][j] = -get(first + r, j);
        }
        for (int s = 0; r < count && s < count; s++) {
          pivot[r][s] = get(first + r, first + s);
        }
      }
      invertSmall(pivot);
      IntStream.range(0, count)
          .parallel()
          .forEach(
              r -> {
                for (int s = 0; s < count; s++) {
                  double factor = -pivot[r][s];
                  double[] from = panel[s];
                  double[] to = solved[r];
                  for (int j = 0; j < size; j++) {
                    to[j] += factor * from[j];
                  }
                }
              });
      addProducts(panel, solved);
      for (int r = 0; r < count; r++) {
        for (int j = 0; j < size; j++) {
          boolean within = j >= start && j < start + count;
          set(start + r, j, within ? -pivot[r][j - start] : solved[r][j]);
        }
      }
    }
    scale(-1);
  }

  /** Gauss's and Jordan's elimination, which needs no exchange of rows where it is possible. */
  private static void invertSmall(double[][] a) {
    int n = a.length;
    for (int k = 0; k < n; k++) {
      double pivot = a[k][k];
      if (!(pivot > 0)) {
        throw new ArithmeticException("the matrix is not positive definite");
      }
      a[k][k] = 1;
      for (int j = 0; j < n; j++) {
        a[k][j] /= pivot;
      }
      for (int i = 0; i < n; i++) {
        double factor = a[i][k];
        if (i != k) {
          a[i][k] = 0;
          for (int j = 0; j < n; j++) {
            a[i][j] -= factor * a[k][j];
          }
        }
      }
    }
  }
}
