package org.nin4j.backend.onednn.step;

import java.nio.IntBuffer;
import java.util.Arrays;
import java.util.Optional;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.plan.step.GlobalMaxPoolBackward;
import org.nin4j.plan.step.GlobalMaxPoolForward;
import org.nin4j.tensor.Shape;

/** The maximum of each channel's pixels, and its gradient; images have their channels innermost. */
public final class GlobalMax {
  private GlobalMax() {}

  public record Forward(GlobalMaxPoolForward step) implements Operation {
    @Override
    public Kernel bind(Buffers buffers) {
      Shape shape = step.input().shape();
      int channels = shape.dim(1);
      int pixels = shape.dim(2) * shape.dim(3);
      Lines x = new Lines(buffers, step.input(), channels);
      Lines y = new Lines(buffers, step.output(), channels);
      Optional<IntBuffer> position = step.position().map(buffers::ints);
      float[] line = new float[channels];
      float[] best = new float[channels];
      int[] winners = new int[channels];
      return run -> {
        for (int n = 0; n < shape.dim(0); n++) {
          x.read(n * pixels, best);
          Arrays.fill(winners, 0);
          for (int p = 1; p < pixels; p++) {
            x.read(n * pixels + p, line);
            for (int c = 0; c < channels; c++) {
              if (line[c] > best[c] || (Float.isNaN(line[c]) && !Float.isNaN(best[c]))) {
                best[c] = line[c];
                winners[c] = p;
              }
            }
          }
          y.write(n, best);
          if (position.isPresent()) {
            position.get().put(n * channels, winners);
          }
        }
      };
    }
  }

  public record Backward(GlobalMaxPoolBackward step) implements Operation {
    @Override
    public Kernel bind(Buffers buffers) {
      Shape shape = step.inputGradient().shape();
      int channels = shape.dim(1);
      int pixels = shape.dim(2) * shape.dim(3);
      Lines dy = new Lines(buffers, step.outputGradient(), channels);
      Lines dx = new Lines(buffers, step.inputGradient(), channels);
      IntBuffer position = buffers.ints(step.position());
      float[] gradient = new float[channels];
      float[] line = new float[channels];
      int[] winners = new int[channels];
      return run -> {
        for (int n = 0; n < shape.dim(0); n++) {
          dy.read(n, gradient);
          position.get(n * channels, winners);
          for (int p = 0; p < pixels; p++) {
            for (int c = 0; c < channels; c++) {
              line[c] = winners[c] == p ? gradient[c] : 0;
            }
            dx.write(n * pixels + p, line);
          }
        }
      };
    }
  }
}
