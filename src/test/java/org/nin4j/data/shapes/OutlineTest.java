package org.nin4j.data.shapes;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** Areas and distances against geometry's formulas. */
class OutlineTest {

  private static final double SIN_36 = Math.sin(Math.toRadians(36));

  /**
   * Counts the points of a fine grid that lie inside: good to about 0.005 for these shapes, turned
   * so that no side runs along the grid.
   */
  private static void assertArea(double expected, Outline outline, double tolerance) {
    Outline turned = outline.placed(0, 0, 1, 0.3);
    int n = 800;
    double step = 2.4 / n;
    int inside = 0;
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        double x = -1.2 + (i + 0.5) * step;
        double y = -1.2 + (j + 0.5) * step;
        inside += turned.signedDistance(x, y) < 0 ? 1 : 0;
      }
    }
    assertEquals(expected, inside * step * step, tolerance);
  }

  @Test
  void areas() {
    double disc = 14 * Math.sin(2 * Math.PI / 28);
    assertArea(disc, Outline.circle(), 0.005);
    assertArea(0.5 * disc, Outline.ellipse(0.5), 0.005);
    assertArea(3 * Math.sqrt(3) / 4, Outline.polygon(3), 0.005);
    assertArea(2, Outline.polygon(4), 0.005);
    assertArea(1.5 * Math.sqrt(3), Outline.polygon(6), 0.005);
    assertArea(5 * 0.4 * SIN_36, Outline.star(5, 0.4), 0.005);
    assertArea(8 * 0.25 - 4 * 0.25 * 0.25, Outline.cross(0.25), 0.005);
    assertArea(2 * 0.2 * 1.1 + 0.6 * 0.9, Outline.arrow(0.2, 0.1, 0.6), 0.005);
  }

  /** Curves drawn with 28 corners lose up to 2 % of their area. */
  @Test
  void areasOfCurves() {
    assertArea(180 * Math.PI / (16.5 * 16.5), Outline.heart(), 0.045);
    double tip = 0.8;
    double thick = 0.6;
    // The chord x = cos(tip) cuts a cap off the disc; what remains left of it, less the part of
    // the inner disc left of it, is the crescent.
    double c = Math.cos(tip);
    double inside = 1 - thick;
    double centre = (1 - inside * inside) / (2 * (c + inside));
    double radius = centre + inside;
    double expected = leftOf(c, 1) - leftOf(c - centre, radius);
    assertArea(expected, Outline.crescent(tip, thick), 0.03);
  }

  /** Area of the part of a disc around the origin that lies left of {@code x}. */
  private static double leftOf(double x, double radius) {
    return Math.PI * radius * radius
        - (radius * radius * Math.acos(x / radius) - x * Math.sqrt(radius * radius - x * x));
  }

  @Test
  void distances() {
    long seed = System.nanoTime();
    System.out.println("OutlineTest seed " + seed);
    Random random = new Random(seed);
    Outline circle = Outline.circle();
    // An axis-parallel square of half-side 3 around (10, 20).
    Outline square = Outline.polygon(4).placed(10, 20, 3 * Math.sqrt(2), Math.PI / 4);
    for (int i = 0; i < 1000; i++) {
      double x = random.nextDouble(-3, 3);
      double y = random.nextDouble(-3, 3);
      // 28 chords stay within 1 - cos(π / 28) = 0.0063 of the circle.
      assertEquals(Math.hypot(x, y) - 1, circle.signedDistance(x, y), 0.0064);
      double overX = Math.abs(2 * x) - 3;
      double overY = Math.abs(2 * y) - 3;
      double expected = overX > 0 && overY > 0 ? Math.hypot(overX, overY) : Math.max(overX, overY);
      assertEquals(expected, square.signedDistance(10 + 2 * x, 20 + 2 * y), 1e-12);
    }
  }
}
