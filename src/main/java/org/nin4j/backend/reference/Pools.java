package org.nin4j.backend.reference;

import java.util.Optional;
import org.nin4j.model.AvgPool2d;
import org.nin4j.model.Window;

/** Pooling and its gradients. */
final class Pools {
  private Pools() {}

  static void max(Window window, View x, View y, Optional<View> position) {
    for (int n = 0; n < y.dim(0); n++) {
      for (int c = 0; c < y.dim(1); c++) {
        for (int i = 0; i < y.dim(2); i++) {
          for (int j = 0; j < y.dim(3); j++) {
            int winner = winner(window, x, n, c, i, j);
            int row = i * window.stride() - window.padding() + winner / window.kernel();
            int column = j * window.stride() - window.padding() + winner % window.kernel();
            int at = y.at(n, c, i, j);
            y.set(at, x.get(x.at(n, c, row, column)));
            position.ifPresent(p -> p.set(at, winner));
          }
        }
      }
    }
  }

  /** The first largest element of a window; a NaN is larger than everything. */
  private static int winner(Window window, View x, int n, int c, int i, int j) {
    int winner = -1;
    float best = 0;
    for (int u = 0; u < window.kernel(); u++) {
      int row = i * window.stride() - window.padding() + u;
      for (int v = 0; v < window.kernel(); v++) {
        int column = j * window.stride() - window.padding() + v;
        if (row < 0 || row >= x.dim(2) || column < 0 || column >= x.dim(3)) {
          continue;
        }
        float value = x.get(x.at(n, c, row, column));
        if (winner < 0 || value > best || (Float.isNaN(value) && !Float.isNaN(best))) {
          winner = u * window.kernel() + v;
          best = value;
        }
      }
    }
    return winner;
  }

  static void maxBackward(Window window, View position, View dy, View dx) {
    double[] sums = new double[dx.size()];
    for (int n = 0; n < dy.dim(0); n++) {
      for (int c = 0; c < dy.dim(1); c++) {
        for (int i = 0; i < dy.dim(2); i++) {
          for (int j = 0; j < dy.dim(3); j++) {
            int winner = (int) position.get(dy.at(n, c, i, j));
            int row = i * window.stride() - window.padding() + winner / window.kernel();
            int column = j * window.stride() - window.padding() + winner % window.kernel();
            sums[dx.at(n, c, row, column)] += dy.get(dy.at(n, c, i, j));
          }
        }
      }
    }
    for (int e = 0; e < sums.length; e++) {
      dx.set(e, sums[e]);
    }
  }

  /** What is averaged for one output, see {@link AvgPool2d}. */
  private record Averaged(int top, int bottom, int left, int right, int count) {
    static Averaged of(AvgPool2d pool, View x, int i, int j) {
      Window w = pool.window();
      int top = i * w.stride() - w.padding();
      int left = j * w.stride() - w.padding();
      int bottom = Math.min(top + w.kernel(), x.dim(2) + w.padding());
      int right = Math.min(left + w.kernel(), x.dim(3) + w.padding());
      int padded = (bottom - top) * (right - left);
      top = Math.max(top, 0);
      left = Math.max(left, 0);
      bottom = Math.min(bottom, x.dim(2));
      right = Math.min(right, x.dim(3));
      int inside = (bottom - top) * (right - left);
      return new Averaged(top, bottom, left, right, pool.countPadding() ? padded : inside);
    }
  }

  static void windowAverage(AvgPool2d pool, View x, View y) {
    for (int n = 0; n < y.dim(0); n++) {
      for (int c = 0; c < y.dim(1); c++) {
        for (int i = 0; i < y.dim(2); i++) {
          for (int j = 0; j < y.dim(3); j++) {
            Averaged averaged = Averaged.of(pool, x, i, j);
            double sum = 0;
            for (int row = averaged.top(); row < averaged.bottom(); row++) {
              for (int column = averaged.left(); column < averaged.right(); column++) {
                sum += x.get(x.at(n, c, row, column));
              }
            }
            y.set(y.at(n, c, i, j), sum / averaged.count());
          }
        }
      }
    }
  }

  static void windowAverageBackward(AvgPool2d pool, View dy, View dx) {
    double[] sums = new double[dx.size()];
    for (int n = 0; n < dy.dim(0); n++) {
      for (int c = 0; c < dy.dim(1); c++) {
        for (int i = 0; i < dy.dim(2); i++) {
          for (int j = 0; j < dy.dim(3); j++) {
            Averaged averaged = Averaged.of(pool, dx, i, j);
            double share = (double) dy.get(dy.at(n, c, i, j)) / averaged.count();
            for (int row = averaged.top(); row < averaged.bottom(); row++) {
              for (int column = averaged.left(); column < averaged.right(); column++) {
                sums[dx.at(n, c, row, column)] += share;
              }
            }
          }
        }
      }
    }
    for (int e = 0; e < sums.length; e++) {
      dx.set(e, sums[e]);
    }
  }

  /** A NaN is larger than everything, as in a window's maximum. */
  static void globalMax(View x, View y, Optional<View> position) {
    int pixels = x.dim(2) * x.dim(3);
    for (int channel = 0; channel < y.size(); channel++) {
      int winner = 0;
      float best = x.get(channel * pixels);
      for (int p = 1; p < pixels; p++) {
        float value = x.get(channel * pixels + p);
        if (value > best || (Float.isNaN(value) && !Float.isNaN(best))) {
          winner = p;
          best = value;
        }
      }
      y.set(channel, best);
      int at = channel;
      int won = winner;
      position.ifPresent(v -> v.set(at, won));
    }
  }

  static void globalMaxBackward(View position, View dy, View dx) {
    int pixels = dx.dim(2) * dx.dim(3);
    for (int e = 0; e < dx.size(); e++) {
      int channel = e / pixels;
      dx.set(e, e % pixels == (int) position.get(channel) ? dy.get(channel) : 0);
    }
  }

  static void average(View x, View y) {
    int pixels = x.dim(2) * x.dim(3);
    for (int channel = 0; channel < y.size(); channel++) {
      double sum = 0;
      for (int p = 0; p < pixels; p++) {
        sum += x.get(channel * pixels + p);
      }
      y.set(channel, sum / pixels);
    }
  }

  static void averageBackward(View dy, View dx) {
    int pixels = dx.dim(2) * dx.dim(3);
    for (int e = 0; e < dx.size(); e++) {
      dx.set(e, (double) dy.get(e / pixels) / pixels);
    }
  }
}
