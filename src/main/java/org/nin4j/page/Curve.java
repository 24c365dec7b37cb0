package org.nin4j.page;

import java.util.ArrayList;
import java.util.List;

/**
 * The points of a training of any length, in bounded memory: where there are too many, each two
 * become one, and from then on each point takes twice as many stretches.
 */
final class Curve {
  static final int MOST = 600;

  private final List<CurvePoint> points = new ArrayList<>();
  private int stretchesOfPoint = 1;

  /** Stretches of the last point, which may grow. */
  private int stretchesOfLast;

  void add(CurvePoint stretch) {
    int last = points.size() - 1;
    if (last >= 0 && stretchesOfLast < stretchesOfPoint) {
      points.set(last, points.get(last).and(stretch));
      stretchesOfLast++;
      return;
    }
    if (points.size() == MOST) {
      for (int i = 0; i < MOST / 2; i++) {
        points.set(i, points.get(2 * i).and(points.get(2 * i + 1)));
      }
      points.subList(MOST / 2, MOST).clear();
      stretchesOfPoint *= 2;
    }
    points.add(stretch);
    stretchesOfLast = 1;
  }

  /** The points so far, which stay as they are. */
  List<CurvePoint> points() {
    return List.copyOf(points);
  }
}
