package org.nin4j.data.shapes;

/**
 * A closed polygon, and the signed distance to it. Only the arithmetic operations and roots that
 * IEEE 754 fixes are used (and StrictMath's sines), so that a drawing is the same everywhere.
 */
final class Outline {

  private static final int CURVE_POINTS = 28;

  private final double[] x;
  private final double[] y;

  private Outline(double[] x, double[] y) {
    this.x = x;
    this.y = y;
  }

  /** Corners {x0, y0, x1, y1, …}. */
  private static Outline of(double... corners) {
    Outline outline = new Outline(new double[corners.length / 2], new double[corners.length / 2]);
    for (int i = 0; i < outline.x.length; i++) {
      outline.x[i] = corners[2 * i];
      outline.y[i] = corners[2 * i + 1];
    }
    return outline;
  }

  /** A regular polygon in the unit circle. */
  static Outline polygon(int corners) {
    return star(corners, 1, 1);
  }

  static Outline circle() {
    return polygon(CURVE_POINTS);
  }

  /** An ellipse of half-axes 1 and {@code ratio}. */
  static Outline ellipse(double ratio) {
    Outline outline = circle();
    for (int i = 0; i < outline.y.length; i++) {
      outline.y[i] *= ratio;
    }
    return outline;
  }

  /** A star whose points lie on the unit circle and whose notches on one of {@code inner}. */
  static Outline star(int points, double inner) {
    return star(2 * points, 1, inner);
  }

  private static Outline star(int corners, double even, double odd) {
    Outline outline = new Outline(new double[corners], new double[corners]);
    for (int i = 0; i < corners; i++) {
      double angle = 2 * Math.PI * i / corners;
      double radius = i % 2 == 0 ? even : odd;
      outline.x[i] = radius * StrictMath.cos(angle);
      outline.y[i] = radius * StrictMath.sin(angle);
    }
    return outline;
  }

  /** Two bars of length 2 and half-width {@code half}, crossing in the middle. */
  static Outline cross(double half) {
    return of(
        1, -half, 1, half, half, half, half, 1, -half, 1, -half, half, -1, half, -1, -half, -half,
        -half, -half, -1, half, -1, half, -half);
  }

  /** An arrow along x from -1 to 1: a shaft, then from {@code neck} on a head. */
  static Outline arrow(double shaftHalf, double neck, double headHalf) {
    return of(
        -1,
        -shaftHalf,
        neck,
        -shaftHalf,
        neck,
        -headHalf,
        1,
        0,
        neck,
        headHalf,
        neck,
        shaftHalf,
        -1,
        shaftHalf);
  }

  /**
   * A disc without the disc that passes through its points at angles ±{@code tip} and leaves it
   * {@code thick} at its thickest.
   */
  static Outline crescent(double tip, double thick) {
    double inside = 1 - thick;
    double cosine = StrictMath.cos(tip);
    // The centre (c, 0) that is as far from the tips as from (-inside, 0).
    double centre = (1 - inside * inside) / (2 * (cosine + inside));
    double radius = centre + inside;
    double innerTip = StrictMath.atan2(StrictMath.sin(tip), cosine - centre);
    Outline outline = new Outline(new double[CURVE_POINTS], new double[CURVE_POINTS]);
    int half = CURVE_POINTS / 2;
    for (int i = 0; i < half; i++) {
      double outer = tip + (2 * Math.PI - 2 * tip) * i / half;
      outline.x[i] = StrictMath.cos(outer);
      outline.y[i] = StrictMath.sin(outer);
      double inner = -innerTip - (2 * Math.PI - 2 * innerTip) * i / half;
      outline.x[half + i] = centre + radius * StrictMath.cos(inner);
      outline.y[half + i] = radius * StrictMath.sin(inner);
    }
    return outline;
  }

  /** The heart curve x = 16 sin³t, y = 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t, in a unit disc. */
  static Outline heart() {
    Outline outline = new Outline(new double[CURVE_POINTS], new double[CURVE_POINTS]);
    for (int i = 0; i < CURVE_POINTS; i++) {
      double t = 2 * Math.PI * i / CURVE_POINTS;
      double sine = StrictMath.sin(t);
      outline.x[i] = 16 * sine * sine * sine / 16.5;
      outline.y[i] =
          (13 * StrictMath.cos(t)
                  - 5 * StrictMath.cos(2 * t)
                  - 2 * StrictMath.cos(3 * t)
                  - StrictMath.cos(4 * t)
                  + 2.5)
              / 16.5;
    }
    return outline;
  }

  /** This outline turned by {@code angle}, enlarged by {@code size}, moved to (toX, toY). */
  Outline placed(double toX, double toY, double size, double angle) {
    double cosine = size * StrictMath.cos(angle);
    double sine = size * StrictMath.sin(angle);
    Outline result = new Outline(new double[x.length], new double[x.length]);
    for (int i = 0; i < x.length; i++) {
      result.x[i] = toX + cosine * x[i] - sine * y[i];
      result.y[i] = toY + sine * x[i] + cosine * y[i];
    }
    return result;
  }

  /**
   * Distance from a point to the outline, negative inside. The nearest point of each side is found
   * by projection; a ray to the right crosses the sides an odd number of times from inside.
   */
  double signedDistance(double pointX, double pointY) {
    double nearest = Double.MAX_VALUE;
    boolean inside = false;
    for (int i = 0, j = x.length - 1; i < x.length; j = i++) {
      double sideX = x[j] - x[i];
      double sideY = y[j] - y[i];
      double fromX = pointX - x[i];
      double fromY = pointY - y[i];
      double along =
          (fromX * sideX + fromY * sideY) / (sideX * sideX + sideY * sideY + Double.MIN_NORMAL);
      along = Math.max(0, Math.min(1, along));
      double awayX = fromX - along * sideX;
      double awayY = fromY - along * sideY;
      nearest = Math.min(nearest, awayX * awayX + awayY * awayY);
      if (y[i] > pointY != y[j] > pointY && fromX * sideY < fromY * sideX == sideY > 0) {
        inside = !inside;
      }
    }
    double distance = Math.sqrt(nearest);
    return inside ? -distance : distance;
  }
}
