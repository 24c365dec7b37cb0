package org.nin4j.backend.onednn.convolution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.nin4j.backend.CpuOptions;
import org.nin4j.backend.CpuOptions.Convolution;
import org.nin4j.backend.onednn.OneDnnBackend;
import org.nin4j.model.Window;
import org.nin4j.model.zoo.NetworkInNetwork;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Sgd;
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
   * The transforms' loops against the definition of a correlation in double: tiles of 6 and 8
   * points, with the filter transformed by its matrix and the results by the loop, and, as filter
   * gradients have it, the other way round. Each result is a sum of at most 5 products of numbers
   * below 1; through six points, which are up to √2 in size, some ten roundings of 2⁻²⁴ are
   * tolerated, through eight, up to 2 in size, eight times as many.
   */
  @Test
  void resultsAreCorrelations() {
    long seed = System.nanoTime();
    System.out.println("Winograd's transforms, seed " + seed);
    SplittableRandom random = new SplittableRandom(seed);
    int length = 133;
    for (int kernel : new int[] {3, 5}) {
      WinogradTransform transform = WinogradTransform.of(kernel);
      int points = transform.points();
      assertEquals(kernel + 3, points);
      for (int taps : new int[] {kernel, WinogradTransform.STEP}) {
        int results = points + 1 - taps;
        float[][] d = lines(points, length, random);
        float[][] g = lines(taps, length, random);
        float[][] v = new float[points][length];
        transform.input(d, v, 0, length);
        float[][] u = byMatrix(transform.filterMatrix(taps), g, length);
        if (taps == WinogradTransform.STEP) {
          u = new float[points][length];
          transform.filter(g, u, 0, length);
        }
        float[][] m = new float[points][length];
        for (int p = 0; p < points; p++) {
          for (int i = 0; i < length; i++) {
            m[p][i] = v[p][i] * u[p][i];
          }
        }
        float[][] y = byMatrix(transform.resultMatrix(results), m, length);
        if (results == WinogradTransform.STEP) {
          y = new float[results][length];
          transform.result(m, y, 0, length);
        }
        double tolerance = points == 6 ? 2e-6 : 1.6e-5;
        for (int j = 0; j < results; j++) {
          for (int i = 0; i < length; i++) {
            double expected = 0;
            for (int k = 0; k < taps; k++) {
              expected += (double) d[j + k][i] * g[k][i];
            }
            assertEquals(expected, y[j][i], tolerance, taps + " taps, result " + j);
          }
        }
      }
    }
  }

  private static float[][] byMatrix(double[][] matrix, float[][] lines, int length) {
    float[][] product = new float[matrix.length][length];
    for (int row = 0; row < matrix.length; row++) {
      for (int i = 0; i < length; i++) {
        double sum = 0;
        for (int k = 0; k < lines.length; k++) {
          sum += matrix[row][k] * lines[k][i];
        }
        product[row][i] = (float) sum;
      }
    }
    return product;
  }

  @Test
  void tilesCoverTheResult() {
    WinogradTiles tiles = WinogradTiles.of(Shape.of(6, 96, 27, 13), 256, 5, 2);
    assertEquals(27, tiles.outHeight());
    assertEquals(13, tiles.outWidth());
    assertEquals(64, tiles.points());
    assertEquals(7, tiles.down());
    assertEquals(4, tiles.across());
    assertEquals(6, tiles.chunk() * tiles.chunks());
  }

  /** So that a rate above the peak can be told from a peak that was measured too low. */
  @Test
  void stepsByTilesAreKnown() {
    BatchSpec images = BatchSpec.unit(Shape.of(1, 28, 28), 67, 67);
    Purpose training = new Purpose.Training(Sgd.PLAIN);
    Plan plan = Planner.plan(NetworkInNetwork.of(10), images, 64, Precision.FP32, training);
    try (OneDnnBackend tiles =
            new OneDnnBackend(CpuOptions.of(1).withConvolutions(Convolution.TILES));
        OneDnnBackend direct =
            new OneDnnBackend(CpuOptions.of(1).withConvolutions(Convolution.DIRECT))) {
      List<String> fewer =
          plan.steps().stream()
              .filter(s -> tiles.multipliesLess(plan, s))
              .map(s -> s.layer() + " " + s.kind())
              .toList();
      assertTrue(fewer.contains("2.0 ConvolutionForward"), fewer.toString());
      assertTrue(fewer.contains("4.0 ConvolutionBackwardData"), fewer.toString());
      assertTrue(fewer.contains("4.0 ConvolutionBackwardFilter"), fewer.toString());
      assertTrue(fewer.stream().allMatch(s -> s.matches("[247]\\.0 .*")), fewer.toString());
      assertTrue(plan.steps().stream().noneMatch(s -> direct.multipliesLess(plan, s)));
    }
  }

  /** NiN's own layers, and those whose transforms would cost more than they save. */
  @Test
  void isTriedWhereItMayPay() {
    assertTrue(WinogradTiles.of(Shape.of(128, 96, 26, 26), 256, 5, 2).mayPay());
    assertTrue(WinogradTiles.of(Shape.of(128, 256, 12, 12), 384, 3, 1).mayPay());
    assertFalse(WinogradTiles.of(Shape.of(128, 384, 5, 5), 10, 3, 1).mayPay());
    // One small image: there are more weights of tiles to fetch than it saves multiplications.
    assertFalse(WinogradTiles.of(Shape.of(1, 256, 3, 3), 384, 3, 1).mayPay());
    assertFalse(WinogradTiles.of(Shape.of(128, 3, 32, 32), 192, 5, 2).mayPay());
    assertFalse(WinogradTiles.suits(new Window(11, 4, 0)));
    assertFalse(WinogradTiles.suits(new Window(3, 2, 1)));
    assertFalse(WinogradTiles.suits(new Window(1, 1, 0)));
  }
}
