package org.nin4j.backend.onednn.step;

import java.util.Arrays;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.plan.step.GlobalAvgPoolBackward;
import org.nin4j.plan.step.GlobalAvgPoolForward;
import org.nin4j.tensor.Shape;

/** The mean over each channel's pixels, and its gradient; images have their channels innermost. */
public final class GlobalAverage {
  private GlobalAverage() {}

  public record Forward(GlobalAvgPoolForward step) implements Operation {
    @Override
    public Kernel bind(Buffers buffers) {
      Shape shape = step.input().shape();
      int channels = shape.dim(1);
      int pixels = shape.dim(2) * shape.dim(3);
      Lines x = new Lines(buffers, step.input(), channels);
      Lines y = new Lines(buffers, step.output(), channels);
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

  public record Backward(GlobalAvgPoolBackward step) implements Operation {
    @Override
    public Kernel bind(Buffers buffers) {
      Shape shape = step.inputGradient().shape();
      int channels = shape.dim(1);
      int pixels = shape.dim(2) * shape.dim(3);
      Lines dy = new Lines(buffers, step.outputGradient(), channels);
      Lines dx = new Lines(buffers, step.inputGradient(), channels);
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
