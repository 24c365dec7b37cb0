package org.nin4j.backend.onednn;

import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.util.Arrays;
import org.nin4j.plan.GlobalAvgPoolBackward;
import org.nin4j.plan.GlobalAvgPoolForward;
import org.nin4j.plan.TensorSpec;
import org.nin4j.tensor.Bfloat16;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/** The mean over each channel's pixels, and its gradient; images have their channels innermost. */
final class GlobalAverage {
  private GlobalAverage() {}

  record Forward(GlobalAvgPoolForward step) implements Operation {
    @Override
    public Kernel bind(Places places) {
      Shape shape = step.input().shape();
      int channels = shape.dim(1);
      int pixels = shape.dim(2) * shape.dim(3);
      Lines x = new Lines(places, step.input(), channels);
      Lines y = new Lines(places, step.output(), channels);
      float[] line = new float[channels];
      float[] sums = new float[channels];
      return run -> {
        for (int n = 0; n < shape.dim(0); n++) {
          Arrays.fill(sums, 0);
          for (int p = 0; p < pixels; p++) {
            x.read(n * pixels + p, line);
            for (int c = 0; c < channels; c++) {
              sums[c] += line[c];
            }
          }
          for (int c = 0; c < channels; c++) {
            sums[c] /= pixels;
          }
          y.write(n, sums);
        }
      };
    }
  }

  record Backward(GlobalAvgPoolBackward step) implements Operation {
    @Override
    public Kernel bind(Places places) {
      Shape shape = step.inputGradient().shape();
      int channels = shape.dim(1);
      int pixels = shape.dim(2) * shape.dim(3);
      Lines dy = new Lines(places, step.outputGradient(), channels);
      Lines dx = new Lines(places, step.inputGradient(), channels);
      float[] line = new float[channels];
      return run -> {
        for (int n = 0; n < shape.dim(0); n++) {
          dy.read(n, line);
          for (int c = 0; c < channels; c++) {
            line[c] /= pixels;
          }
          for (int p = 0; p < pixels; p++) {
            dx.write(n * pixels + p, line);
          }
        }
      };
    }
  }
}
