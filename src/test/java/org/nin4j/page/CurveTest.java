package org.nin4j.page;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CurveTest {
  /** Whatever the number of stretches: none is lost, in order, in bounded memory. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 599, 600, 601, 602, 1199, 1200, 1201, 1203, 50_001})
  void keepsTheSumsInFewPoints(int stretches) {
    Curve curve = new Curve();
    for (int i = 1; i <= stretches; i++) {
      curve.add(new CurvePoint(3L * i, 2, i, 1, 0.5, i));
    }
    List<CurvePoint> points = curve.points();
    assertTrue(points.size() <= Curve.MOST);
    assertTrue(points.size() >= Math.min(stretches, Curve.MOST / 2));
    assertEquals(2L * stretches, points.stream().mapToLong(CurvePoint::samples).sum());
    assertEquals(stretches, points.stream().mapToLong(CurvePoint::top1).sum());
    assertEquals(
        stretches * (stretches + 1.0) / 2, points.stream().mapToDouble(CurvePoint::lossSum).sum());
    for (int i = 1; i < points.size(); i++) {
      assertTrue(points.get(i).step() > points.get(i - 1).step());
    }
    if (stretches > 0) {
      CurvePoint last = points.get(points.size() - 1);
      assertEquals(3L * stretches, last.step());
      assertEquals(stretches, last.rate());
      assertEquals(4, last.imagesPerSecond());
    }
  }
}
