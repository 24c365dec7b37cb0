package org.nin4j.backend.reference;

import java.util.Optional;
import org.nin4j.model.BatchNorm;

/** Batch normalisation; x (N, C, H, W) or (N, C), everything else (C). */
final class BatchNorms {
  private BatchNorms() {}

  /** Where an element of a channel lies; elements of all samples are counted through. */
  private record Channel(View x, int c) {
    int size() {
      return x.size() / x.dim(1);
    }

    int at(int element) {
      int pixels = x.size() / x.dim(0) / x.dim(1);
      return (element / pixels * x.dim(1) + c) * pixels + element % pixels;
    }
  }

  /**
   * A sum, a ReLU, and eight bits of the mask in a number from 0 to 255; all as they are wanted.
   */
  record After(Optional<View> added, boolean relu, Optional<View> mask) {
    private double add(double value, int at) {
      // Rounded as where the sum is a step of its own.
      return added.isPresent() ? (float) value + added.get().get(at) : value;
    }

    private void store(View y, int at, double value) {
      boolean open = value > 0;
      y.set(at, !relu || open || Double.isNaN(value) ? value : 0);
      if (relu && open && mask.isPresent()) {
        View bits = mask.get();
        bits.set(at / 8, (int) bits.get(at / 8) | 1 << at % 8);
      }
    }
  }

  /** Whether the gradient by an element of the output counts. */
  @FunctionalInterface
  interface Gate {
    Gate OPEN = (at, c) -> true;

    boolean lets(int at, int c);

    static Gate bits(View mask) {
      return (at, c) -> ((int) mask.get(at / 8) >> at % 8 & 1) == 1;
    }

    /** Found out again from what the forward step has stored, as that does. */
    static Gate again(View x, View mean, View inverse, View weight, View bias) {
      return (at, c) -> value(x, mean, inverse, weight, bias, at, c) > 0;
    }
  }

  static void forward(
      BatchNorm norm,
      View x,
      View weight,
      View bias,
      View runningMean,
      View runningVariance,
      View y,
      View mean,
      View inverse,
      After after) {
    after.mask().ifPresent(bits -> Elements.fill(bits, 0));
    for (int c = 0; c < x.dim(1); c++) {
      Channel channel = new Channel(x, c);
      int m = channel.size();
      double sum = 0;
      for (int e = 0; e < m; e++) {
        sum += x.get(channel.at(e));
      }
      double average = sum / m;
      double squares = 0;
      for (int e = 0; e < m; e++) {
        double difference = x.get(channel.at(e)) - average;
        squares += difference * difference;
      }
      double factor = 1 / Math.sqrt(squares / m + norm.eps());
      mean.set(c, average);
      inverse.set(c, factor);
      move(norm, runningMean, c, average);
      move(norm, runningVariance, c, squares / (m - 1));
      for (int e = 0; e < m; e++) {
        int at = channel.at(e);
        after.store(y, at, after.add(value(x, mean, inverse, weight, bias, at, c), at));
      }
    }
  }

  private static void move(BatchNorm norm, View running, int c, double of) {
    double momentum = norm.momentum();
    running.set(c, (1 - momentum) * running.get(c) + momentum * of);
  }

  static void backward(
      View x,
      View weight,
      View mean,
      View inverse,
      Gate gate,
      View dy,
      Optional<View> dx,
      View dweight,
      View dbias) {
    for (int c = 0; c < x.dim(1); c++) {
      Channel channel = new Channel(x, c);
      int m = channel.size();
      double sum = 0;
      double products = 0;
      for (int e = 0; e < m; e++) {
        int at = channel.at(e);
        if (gate.lets(at, c)) {
          sum += dy.get(at);
          products += dy.get(at) * normalised(x, mean, inverse, at, c);
        }
      }
      dbias.set(c, sum);
      dweight.set(c, products);
      for (int e = 0; e < m && dx.isPresent(); e++) {
        int at = channel.at(e);
        double gradient = gate.lets(at, c) ? dy.get(at) : 0;
        double constant = sum / m + normalised(x, mean, inverse, at, c) * products / m;
        dx.get().set(at, weight.get(c) * (double) inverse.get(c) * (gradient - constant));
      }
    }
  }

  private static double normalised(View x, View mean, View inverse, int at, int c) {
    return ((double) x.get(at) - mean.get(c)) * inverse.get(c);
  }

  private static double value(
      View x, View mean, View inverse, View weight, View bias, int at, int c) {
    return weight.get(c) * normalised(x, mean, inverse, at, c) + bias.get(c);
  }

  static void inference(
      BatchNorm norm,
      View x,
      View weight,
      View bias,
      View mean,
      View variance,
      View y,
      After after) {
    for (int c = 0; c < x.dim(1); c++) {
      Channel channel = new Channel(x, c);
      double factor = weight.get(c) / Math.sqrt((double) variance.get(c) + norm.eps());
      for (int e = 0; e < channel.size(); e++) {
        int at = channel.at(e);
        double value = after.add((x.get(at) - mean.get(c)) * factor + bias.get(c), at);
        after.store(y, at, value);
      }
    }
  }

  /** Into the weights (O, C, k, k) and the bias (O) of the convolution before it. */
  static void fold(
      BatchNorm norm,
      View weight,
      Optional<View> bias,
      View normWeight,
      View normBias,
      View mean,
      View variance,
      View foldedWeight,
      View foldedBias) {
    int each = weight.size() / weight.dim(0);
    for (int o = 0; o < weight.dim(0); o++) {
      double factor = normWeight.get(o) / Math.sqrt((double) variance.get(o) + norm.eps());
      for (int i = o * each; i < (o + 1) * each; i++) {
        foldedWeight.set(i, factor * weight.get(i));
      }
      double before = bias.isPresent() ? bias.get().get(o) : 0;
      foldedBias.set(o, normBias.get(o) + factor * (before - mean.get(o)));
    }
  }
}
