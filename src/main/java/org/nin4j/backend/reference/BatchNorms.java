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

  static void forward(
      BatchNorm norm,
      View x,
      View weight,
      View bias,
      View runningMean,
      View runningVariance,
      View y,
      View mean,
      View inverse) {
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
        y.set(at, weight.get(c) * (x.get(at) - average) * factor + bias.get(c));
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
        sum += dy.get(at);
        products += dy.get(at) * normalised(x, mean, inverse, at, c);
      }
      dbias.set(c, sum);
      dweight.set(c, products);
      for (int e = 0; e < m && dx.isPresent(); e++) {
        int at = channel.at(e);
        double constant = sum / m + normalised(x, mean, inverse, at, c) * products / m;
        dx.get().set(at, weight.get(c) * (double) inverse.get(c) * (dy.get(at) - constant));
      }
    }
  }

  private static double normalised(View x, View mean, View inverse, int at, int c) {
    return ((double) x.get(at) - mean.get(c)) * inverse.get(c);
  }

  static void inference(
      BatchNorm norm, View x, View weight, View bias, View mean, View variance, View y) {
    for (int c = 0; c < x.dim(1); c++) {
      Channel channel = new Channel(x, c);
      double factor = weight.get(c) / Math.sqrt((double) variance.get(c) + norm.eps());
      for (int e = 0; e < channel.size(); e++) {
        int at = channel.at(e);
        y.set(at, (x.get(at) - mean.get(c)) * factor + bias.get(c));
      }
    }
  }
}
