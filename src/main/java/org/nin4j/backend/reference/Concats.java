package org.nin4j.backend.reference;

/** Channels side by side; an image's pixels, or a feature's single value, go together. */
final class Concats {
  private Concats() {}

  /** Puts all of x into y, from that channel on. */
  static void put(View x, View y, int firstChannel) {
    int block = x.size() / x.dim(0);
    int whole = y.size() / y.dim(0);
    int at = firstChannel * (whole / y.dim(1));
    for (int n = 0; n < x.dim(0); n++) {
      for (int e = 0; e < block; e++) {
        y.set(n * whole + at + e, x.get(n * block + e));
      }
    }
  }

  /** Takes dx out of dy, from that channel on. */
  static void take(View dy, View dx, int firstChannel) {
    int block = dx.size() / dx.dim(0);
    int whole = dy.size() / dy.dim(0);
    int at = firstChannel * (whole / dy.dim(1));
    for (int n = 0; n < dx.dim(0); n++) {
      for (int e = 0; e < block; e++) {
        dx.set(n * block + e, dy.get(n * whole + at + e));
      }
    }
  }
}
