package org.nin4j.backend.reference;

/** The fully connected layer and its gradients; x (N, I), w (O, I), b (O), y (N, O). */
final class Linears {
  private Linears() {}

  static void forward(View x, View w, View b, View y, boolean relu) {
    int inputs = w.dim(1);
    int outputs = w.dim(0);
    for (int n = 0; n < x.dim(0); n++) {
      for (int o = 0; o < outputs; o++) {
        double sum = b.get(o);
        for (int i = 0; i < inputs; i++) {
          sum += (double) w.get(o * inputs + i) * x.get(n * inputs + i);
        }
        y.set(n * outputs + o, relu ? Math.max(sum, 0) : sum);
      }
    }
  }

  static void backwardData(View dy, View w, View dx) {
    int inputs = w.dim(1);
    int outputs = w.dim(0);
    for (int n = 0; n < dy.dim(0); n++) {
      for (int i = 0; i < inputs; i++) {
        double sum = 0;
        for (int o = 0; o < outputs; o++) {
          sum += (double) w.get(o * inputs + i) * dy.get(n * outputs + o);
        }
        dx.set(n * inputs + i, sum);
      }
    }
  }

  static void backwardFilter(View x, View dy, View dw, View db) {
    int inputs = dw.dim(1);
    int outputs = dw.dim(0);
    for (int o = 0; o < outputs; o++) {
      double bias = 0;
      for (int n = 0; n < dy.dim(0); n++) {
        bias += dy.get(n * outputs + o);
      }
      db.set(o, bias);
      for (int i = 0; i < inputs; i++) {
        double sum = 0;
        for (int n = 0; n < dy.dim(0); n++) {
          sum += (double) dy.get(n * outputs + o) * x.get(n * inputs + i);
        }
        dw.set(o * inputs + i, sum);
      }
    }
  }
}
