package org.nin4j.backend.reference;

import java.util.Optional;
import org.nin4j.model.Window;

/**
 * Convolution and its gradients; x (N, C, H, W), w (O, C / groups, k, k), b (O), y (N, O, h, w).
 * The number of groups follows from x and w.
 */
final class Convolutions {
  private Convolutions() {}

  static void forward(Window window, View x, View w, Optional<View> b, View y, boolean relu) {
    for (int n = 0; n < y.dim(0); n++) {
      for (int o = 0; o < y.dim(1); o++) {
        double bias = b.isPresent() ? b.get().get(o) : 0;
        for (int i = 0; i < y.dim(2); i++) {
          for (int j = 0; j < y.dim(3); j++) {
            double sum = bias + window(window, x, w, n, o, i, j);
            y.set(y.at(n, o, i, j), relu ? Math.max(sum, 0) : sum);
          }
        }
      }
    }
  }

  private static double window(Window window, View x, View w, int n, int o, int i, int j) {
    double sum = 0;
    int first = firstChannel(w, x.dim(1), o);
    for (int c = 0; c < w.dim(1); c++) {
      for (int u = 0; u < window.kernel(); u++) {
        int row = i * window.stride() + u - window.padding();
        if (row < 0 || row >= x.dim(2)) {
          continue;
        }
        for (int v = 0; v < window.kernel(); v++) {
          int column = j * window.stride() + v - window.padding();
          if (column >= 0 && column < x.dim(3)) {
            sum += (double) x.get(x.at(n, first + c, row, column)) * w.get(w.at(o, c, u, v));
          }
        }
      }
    }
    return sum;
  }

  /** The first input channel of the group that a filter belongs to. */
  private static int firstChannel(View w, int channels, int o) {
    int groups = channels / w.dim(1);
    return o / (w.dim(0) / groups) * w.dim(1);
  }

  /** Each input pixel gathers from the output places whose window covers it. */
  static void backwardData(Window window, View dy, View w, View dx) {
    for (int n = 0; n < dx.dim(0); n++) {
      for (int c = 0; c < dx.dim(1); c++) {
        for (int row = 0; row < dx.dim(2); row++) {
          for (int column = 0; column < dx.dim(3); column++) {
            dx.set(dx.at(n, c, row, column), gather(window, dy, w, dx.dim(1), n, c, row, column));
          }
        }
      }
    }
  }

  private static double gather(
      Window window, View dy, View w, int channels, int n, int c, int row, int column) {
    int filters = w.dim(0) / (channels / w.dim(1));
    int first = c / w.dim(1) * filters;
    int inGroup = c % w.dim(1);
    double sum = 0;
    for (int u = 0; u < window.kernel(); u++) {
      int up = row + window.padding() - u;
      int i = Math.floorDiv(up, window.stride());
      if (up % window.stride() != 0 || i < 0 || i >= dy.dim(2)) {
        continue;
      }
      for (int v = 0; v < window.kernel(); v++) {
        int left = column + window.padding() - v;
        int j = Math.floorDiv(left, window.stride());
        if (left % window.stride() != 0 || j < 0 || j >= dy.dim(3)) {
          continue;
        }
        for (int o = first; o < first + filters; o++) {
          sum += (double) dy.get(dy.at(n, o, i, j)) * w.get(w.at(o, inGroup, u, v));
        }
      }
    }
    return sum;
  }

  static void backwardFilter(Window window, View x, View dy, View dw) {
    for (int o = 0; o < dw.dim(0); o++) {
      int first = firstChannel(dw, x.dim(1), o);
      for (int c = 0; c < dw.dim(1); c++) {
        for (int u = 0; u < window.kernel(); u++) {
          for (int v = 0; v < window.kernel(); v++) {
            dw.set(dw.at(o, c, u, v), correlate(window, x, dy, o, first + c, u, v));
          }
        }
      }
    }
  }

  private static double correlate(Window window, View x, View dy, int o, int c, int u, int v) {
    double sum = 0;
    for (int n = 0; n < dy.dim(0); n++) {
      for (int i = 0; i < dy.dim(2); i++) {
        int row = i * window.stride() + u - window.padding();
        if (row < 0 || row >= x.dim(2)) {
          continue;
        }
        for (int j = 0; j < dy.dim(3); j++) {
          int column = j * window.stride() + v - window.padding();
          if (column >= 0 && column < x.dim(3)) {
            sum += (double) dy.get(dy.at(n, o, i, j)) * x.get(x.at(n, c, row, column));
          }
        }
      }
    }
    return sum;
  }

  static void backwardBias(View dy, View db) {
    for (int o = 0; o < dy.dim(1); o++) {
      double sum = 0;
      for (int n = 0; n < dy.dim(0); n++) {
        for (int i = 0; i < dy.dim(2); i++) {
          for (int j = 0; j < dy.dim(3); j++) {
            sum += dy.get(dy.at(n, o, i, j));
          }
        }
      }
      db.set(o, sum);
    }
  }
}
