package org.nin4j.backend.onednn.step;

import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.Arrays;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.plan.step.SoftmaxCrossEntropy;

/** Softmax, cross-entropy, its gradient and the counts: a few thousand numbers, so one thread. */
public final class CrossEntropy implements Operation {
  private final SoftmaxCrossEntropy step;

  public CrossEntropy(SoftmaxCrossEntropy step) {
    this.step = step;
  }

  @Override
  public Kernel bind(Buffers buffers) {
    FloatBuffer logits = buffers.floats(step.logits());
    IntBuffer labels = buffers.ints(step.labels());
    FloatBuffer gradient = step.gradient().map(buffers::floats).orElse(FloatBuffer.allocate(0));
    int batch = step.logits().shape().dim(0);
    int classes = step.logits().shape().dim(1);
    float[] row = new float[classes];
    float[] rowGradient = new float[classes];
    return run -> {
      int valid = 0;
      for (int n = 0; n < batch; n++) {
        valid += labels.get(n) >= 0 ? 1 : 0;
      }
      for (int n = 0; n < batch; n++) {
        int label = labels.get(n);
        logits.get(n * classes, row);
        if (label >= 0) {
          add(run, row, label, valid, rowGradient);
        } else {
          Arrays.fill(rowGradient, 0);
        }
        if (step.gradient().isPresent()) {
          gradient.put(n * classes, rowGradient);
        }
      }
      run.addSamples(valid);
    };
  }

  private void add(Run run, float[] logits, int label, int valid, float[] gradient) {
    double largest = Double.NEGATIVE_INFINITY;
    int before = 0;
    for (int k = 0; k < logits.length; k++) {
      largest = Math.max(largest, logits[k]);
      before += logits[k] > logits[label] || (logits[k] == logits[label] && k < label) ? 1 : 0;
    }
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - largest);
    }
    double logSum = largest + Math.log(sum);
    double smoothing = step.smoothing();
    for (int k = 0; k < logits.length; k++) {
      double logProbability = logits[k] - logSum;
      double target = (k == label ? 1 - smoothing : 0) + smoothing / logits.length;
      if (target != 0) {
        run.addLoss(-target * logProbability);
      }
      gradient[k] = (float) ((Math.exp(logProbability) - target) / valid);
    }
    run.addRank(before);
  }
}
