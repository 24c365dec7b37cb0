package org.nin4j.backend.reference;

import java.util.Optional;
import org.nin4j.backend.Metrics;

/** Softmax and cross-entropy with its gradient and the counts of right answers. */
final class Losses {
  private Losses() {}

  static Metrics softmaxCrossEntropy(
      View logits, View labels, Optional<View> gradient, float smoothing, Metrics before) {
    int classes = logits.dim(1);
    int valid = 0;
    for (int n = 0; n < labels.size(); n++) {
      valid += labels.get(n) >= 0 ? 1 : 0;
    }
    double lossSum = before.lossSum();
    long top1 = before.top1();
    long top5 = before.top5();
    for (int n = 0; n < labels.size(); n++) {
      int label = (int) labels.get(n);
      int row = n * classes;
      if (label < 0) {
        gradient.ifPresent(g -> fill(g, row, classes));
        continue;
      }
      double logSum = logSumOfExponentials(logits, row, classes);
      for (int k = 0; k < classes; k++) {
        double logProbability = logits.get(row + k) - logSum;
        double target = (k == label ? 1.0 - smoothing : 0) + (double) smoothing / classes;
        if (target != 0) {
          lossSum -= target * logProbability;
        }
        if (gradient.isPresent()) {
          gradient.get().set(row + k, (Math.exp(logProbability) - target) / valid);
        }
      }
      int before1 = classesBefore(logits, row, classes, label);
      top1 += before1 < 1 ? 1 : 0;
      top5 += before1 < 5 ? 1 : 0;
    }
    return new Metrics(lossSum, before.samples() + valid, top1, top5);
  }

  private static void fill(View gradient, int row, int classes) {
    for (int k = 0; k < classes; k++) {
      gradient.set(row + k, 0);
    }
  }

  /** log Σ exp(z), with the largest z taken out so that nothing overflows. */
  private static double logSumOfExponentials(View logits, int row, int classes) {
    double largest = Double.NEGATIVE_INFINITY;
    for (int k = 0; k < classes; k++) {
      largest = Math.max(largest, logits.get(row + k));
    }
    double sum = 0;
    for (int k = 0; k < classes; k++) {
      sum += Math.exp(logits.get(row + k) - largest);
    }
    return largest + Math.log(sum);
  }

  private static int classesBefore(View logits, int row, int classes, int label) {
    float own = logits.get(row + label);
    int before = 0;
    for (int k = 0; k < classes; k++) {
      float other = logits.get(row + k);
      before += other > own || (other == own && k < label) ? 1 : 0;
    }
    return before;
  }
}
