package org.nin4j.backend.onednn.step;

import java.util.Arrays;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.model.AvgPool2d;
import org.nin4j.model.Window;
import org.nin4j.plan.step.AvgPoolBackward;
import org.nin4j.plan.step.AvgPoolForward;
import org.nin4j.tensor.Shape;

/**
 * Average pools that oneDNN computes otherwise: by windows that reach beyond the padding, or with
 * sums in bf16. Images have their channels innermost.
 */
final class WindowAverage {
  private WindowAverage() {}

  /** What a window covers along one axis, and how much of that counts. */
  private record Span(int from, int to, int counted) {
    static Span of(AvgPool2d pool, int place, int extent) {
      Window window = pool.window();
      int begin = place * window.stride() - window.padding();
      int end = Math.min(begin + window.kernel(), extent + window.padding());
      int from = Math.max(begin, 0);
      int to = Math.min(end, extent);
      return new Span(from, to, pool.countPadding() ? end - begin : to - from);
    }
  }

  @FunctionalInterface
  private interface Pixel {
    void visit(int out, int in, float share);
  }

  /** Every pair of an output pixel and an input pixel that it averages. */
  private static void visit(AvgPool2d pool, Shape x, Shape y, Pixel pixel) {
    for (int n = 0; n < y.dim(0); n++) {
      for (int i = 0; i < y.dim(2); i++) {
        Span rows = Span.of(pool, i, x.dim(2));
        for (int j = 0; j < y.dim(3); j++) {
          Span columns = Span.of(pool, j, x.dim(3));
          float share = 1f / (rows.counted() * columns.counted());
          for (int row = rows.from(); row < rows.to(); row++) {
            for (int column = columns.from(); column < columns.to(); column++) {
              pixel.visit(
                  (n * y.dim(2) + i) * y.dim(3) + j,
                  (n * x.dim(2) + row) * x.dim(3) + column,
                  share);
            }
          }
        }
      }
    }
  }

  record Forward(AvgPoolForward step) implements Operation {
    @Override
    public Kernel bind(Buffers buffers) {
      return scatter(
          step.pool(),
          step.input().shape(),
          step.output().shape(),
          new Lines(buffers, step.input(), step.input().shape().dim(1)),
          new Lines(buffers, step.output(), step.input().shape().dim(1)),
          true);
    }
  }

  record Backward(AvgPoolBackward step) implements Operation {
    @Override
    public Kernel bind(Buffers buffers) {
      int channels = step.inputGradient().shape().dim(1);
      return scatter(
          step.pool(),
          step.inputGradient().shape(),
          step.outputGradient().shape(),
          new Lines(buffers, step.outputGradient(), channels),
          new Lines(buffers, step.inputGradient(), channels),
          false);
    }
  }

  private static Operation.Kernel scatter(
      AvgPool2d pool, Shape x, Shape y, Lines from, Lines to, boolean forward) {
    Shape target = forward ? y : x;
    int channels = target.dim(1);
    float[] line = new float[channels];
    float[] sums = new float[Math.toIntExact(target.elements())];
    return run -> {
      Arrays.fill(sums, 0);
      visit(
          pool,
          x,
          y,
          (out, in, share) -> {
            from.read(forward ? in : out, line);
            int at = (forward ? out : in) * channels;
            for (int c = 0; c < channels; c++) {
              sums[at + c] += line[c] * share;
            }
          });
      for (int pixel = 0; pixel < sums.length / channels; pixel++) {
        System.arraycopy(sums, pixel * channels, line, 0, channels);
        to.write(pixel, line);
      }
    };
  }
}
