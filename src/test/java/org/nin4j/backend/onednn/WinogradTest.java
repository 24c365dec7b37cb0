package org.nin4j.backend.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.nin4j.model.Window;
import org.nin4j.tensor.Shape;

class WinogradTest {
  private static float[][] lines(int count, int length, SplittableRandom random) {
    float[][] lines = new float[count][length];
    for (float[] line : lines) {
      for (int i = 0; i < length; i++) {
        line[i] = (float) (2 * random.nextDouble() - 1);
      }
    }
    return lines;
  }

  /**
   * The transforms' loops against the definition of a correlation in double, for tiles of 3 and 5
   * taps and, as filter gradients have them, of 4 and 2. Each result is a sum of at most 5 products
   * of numbers below 1; through points up to 2 in size, some ten roundings of 2⁻²⁴ are tolerated.
   */
  @Test
  void resultsAreCorrelations() {
    long seed = System.nanoTime();
    System.out.println("Winograd's transforms, seed " + seed);
    SplittableRandom random = new SplittableRandom(seed);
    int length = 133;
    for (int taps = 2; taps <= 5; taps++) {
      int results = 7 - taps;
      float[][] d = lines(6, length, random);
      float[][] g = lines(taps, length, random);
      float[][] v = new float[6][length];
      WinogradTransform.input(d, v, length);
      float[][] u = taps % 2 == 0 ? new float[6][length] : byMatrix(taps, g, length);
      if (taps % 2 == 0) {
        WinogradTransform.filter(g, u, taps, length);
      }
      float[][] m = new float[6][length];
      for (int p = 0; p < 6; p++) {
        for (int i = 0; i < length; i++) {
          m[p][i] = v[p][i] * u[p][i];
        }
      }
      float[][] y = results % 2 == 0 ? new float[results][length] : resultsByMatrix(results, m);
      if (results % 2 == 0) {
        WinogradTransform.result(m, y, results, length);
      }
      for (int j = 0; j < results; j++) {
        for (int i = 0; i < length; i++) {
          double expected = 0;
          for (int k = 0; k < taps; k++) {
            expected += (double) d[j + k][i] * g[k][i];
          }
          assertEquals(expected, y[j][i], 2e-6, taps + " taps, result " + j);
        }
      }
    }
  }

  private static float[][] byMatrix(int taps, float[][] g, int length) {
    double[][] matrix = WinogradTransform.filterMatrix(taps);
    float[][] u = new float[6][length];
    for (int p = 0; p < 6; p++) {
      for (int i = 0; i < length; i++) {
        double sum = 0;
        for (int k = 0; k < taps; k++) {
          sum += matrix[p][k] * g[k][i];
        }
        u[p][i] = (float) sum;
      }
    }
    return u;
  }

  private static float[][] resultsByMatrix(int results, float[][] m) {
    double[][] matrix = WinogradTransform.resultMatrix(results);
    float[][] y = new float[results][m[0].length];
    for (int j = 0; j < results; j++) {
      for (int i = 0; i < m[0].length; i++) {
        double sum = 0;
        for (int p = 0; p < 6; p++) {
          sum += matrix[j][p] * m[p][i];
        }
        y[j][i] = (float) sum;
      }
    }
    return y;
  }

  @Test
  void tilesCoverTheResult() {
    WinogradTiles tiles = WinogradTiles.of(Shape.of(6, 96, 27, 13), 256, 5, 2);
    assertEquals(27, tiles.outHeight());
    assertEquals(13, tiles.outWidth());
    assertEquals(2, tiles.results());
    assertEquals(14, tiles.down());
    assertEquals(7, tiles.across());
    assertEquals(6, tiles.chunk() * tiles.chunks());
  }

  /** NiN's own layers, and those whose transforms would cost more than they save. */
  @Test
  void isTakenWhereItPays() {
    assertTrue(WinogradTiles.of(Shape.of(128, 96, 26, 26), 256, 5, 2).pays());
    assertTrue(WinogradTiles.of(Shape.of(128, 256, 12, 12), 384, 3, 1).pays());
    assertFalse(WinogradTiles.of(Shape.of(128, 384, 5, 5), 10, 3, 1).pays());
    assertFalse(WinogradTiles.of(Shape.of(128, 3, 32, 32), 192, 5, 2).pays());
    assertFalse(WinogradTiles.suits(new Window(11, 4, 0)));
    assertFalse(WinogradTiles.suits(new Window(3, 2, 1)));
    assertFalse(WinogradTiles.suits(new Window(1, 1, 0)));
  }
}
