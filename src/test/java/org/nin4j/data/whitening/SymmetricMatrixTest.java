package org.nin4j.data.whitening;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SymmetricMatrixTest {
  private final long seed = new Random().nextLong();

  SymmetricMatrixTest() {
    System.out.println("seed " + seed);
  }

  private static double[][] full(SymmetricMatrix matrix) {
    int n = matrix.size();
    double[][] full = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        full[i][j] = matrix.get(i, j);
      }
    }
    return full;
  }

  private static double[][] product(double[][] a, double[][] b) {
    int n = a.length;
    double[][] c = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        for (int k = 0; k < n; k++) {
          c[i][j] += a[i][k] * b[k][j];
        }
      }
    }
    return c;
  }

  private static void assertIdentity(double[][] matrix, double tolerance) {
    for (int i = 0; i < matrix.length; i++) {
      for (int j = 0; j < matrix.length; j++) {
        assertEquals(i == j ? 1 : 0, matrix[i][j], tolerance, i + ", " + j);
      }
    }
  }

  /** Σ g gᵀ of random vectors whose elements shrink to a thousandth, and 0.1 on the diagonal. */
  private SymmetricMatrix random(int n) {
    Random random = new Random(seed);
    SymmetricMatrix matrix = SymmetricMatrix.zeros(n);
    double[][] block = matrix.block();
    for (double[] row : block) {
      for (int j = 0; j < n; j++) {
        row[j] = random.nextGaussian() * Math.pow(1e-3, (double) j / n);
      }
    }
    matrix.addProducts(block, block);
    double[][] made = full(matrix);
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        double sum = 0;
        for (double[] row : block) {
          sum += row[i] * row[j];
        }
        assertEquals(sum, made[i][j], 1e-11);
      }
    }
    matrix.addToDiagonal(0.1);
    return matrix;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5, 63, 64, 65, 130, 515})
  void aMatrixTimesItsInverseIsTheIdentity(int n) {
    SymmetricMatrix matrix = random(n);
    double[][] before = full(matrix);
    matrix.invert();
    // The condition is some 1e4, and a rounding 1e-16.
    assertIdentity(product(before, full(matrix)), 1e-9);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5, 67, 130})
  void theInverseRootSquaredIsTheInverse(int n) {
    SymmetricMatrix matrix = random(n);
    double[][] root = full(InverseRoot.of(matrix, 0.1));
    // The integral's error.
    assertIdentity(product(product(root, full(matrix)), root), 1e-5);
  }

  /** From the least eigenvalue to a million times that. */
  @Test
  void everyEigenvalueGetsItsInverseRoot() {
    int n = 25;
    SymmetricMatrix matrix = SymmetricMatrix.zeros(n);
    double[][] block = matrix.block();
    for (int i = 0; i < n; i++) {
      block[i][i] = Math.sqrt(0.1 * Math.pow(10, i / 4.0));
    }
    matrix.addProducts(block, block);
    SymmetricMatrix root = InverseRoot.of(matrix, 0.1);
    for (int i = 0; i < n; i++) {
      double expected = 1 / Math.sqrt(0.1 * Math.pow(10, i / 4.0));
      assertEquals(expected, root.get(i, i), 1e-5 * expected);
    }
  }

  @Test
  void whatIsNotPositiveDefiniteIsRefused() {
    SymmetricMatrix matrix = SymmetricMatrix.zeros(3);
    matrix.addToDiagonal(-1);
    assertThrows(ArithmeticException.class, matrix::invert);
  }
}
