package org.nin4j.backend.onednn.step;

import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.backend.onednn.library.Workers;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.Bfloat16;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.Shape;

/**
 * Dropout, forward and backward alike, on all threads. The mask is drawn in logical order, whatever
 * the layout, so it is every backend's.
 */
public final class Dropouts implements Operation {
  private final float probability;
  private final int stream;
  private final TensorSpec from;
  private final TensorSpec to;
  private final int channels;
  private final int pixels;
  private final Workers workers;

  public Dropouts(float probability, int stream, TensorSpec from, TensorSpec to, Workers workers) {
    this.probability = probability;
    this.stream = stream;
    this.from = from;
    this.to = to;
    this.workers = workers;
    Shape shape = from.shape();
    channels = shape.dim(1);
    pixels = shape.rank() == 4 ? shape.dim(2) * shape.dim(3) : 1;
  }

  /** Reads a sample, masks it, writes it. */
  private final class Worker {
    private final Philox.Lanes random = new Philox.Lanes();
    private final int[] bits = new int[channels * pixels];
    private final float[] values = new float[channels * pixels];
    private final short[] shorts = new short[channels * pixels];
    private final boolean bf16 = from.type() == DType.BF16;
    private final FloatBuffer floatsIn;
    private final FloatBuffer floatsOut;
    private final ShortBuffer shortsIn;
    private final ShortBuffer shortsOut;

    Worker(Buffers buffers) {
      floatsIn = bf16 ? FloatBuffer.allocate(0) : buffers.floats(from);
      floatsOut = bf16 ? FloatBuffer.allocate(0) : buffers.floats(to);
      shortsIn = bf16 ? buffers.shorts(from) : ShortBuffer.allocate(0);
      shortsOut = bf16 ? buffers.shorts(to) : ShortBuffer.allocate(0);
    }

    void drop(Run run, int n) {
      int at = n * values.length;
      if (bf16) {
        shortsIn.get(at, shorts);
        for (int i = 0; i < shorts.length; i++) {
          values[i] = Bfloat16.toFloat(shorts[i]);
        }
      } else {
        floatsIn.get(at, values);
      }
      mask(run, (long) run.place(n) * values.length);
      if (bf16) {
        for (int i = 0; i < shorts.length; i++) {
          shorts[i] = Bfloat16.fromFloat(values[i]);
        }
        shortsOut.put(at, shorts);
      } else {
        floatsOut.put(at, values);
      }
    }

    /**
     * Elements are drawn channel by channel and lie pixel by pixel. That u · 2⁻²⁴ ≥ p is asked as u
     * ≥ p · 2²⁴, and answered without a branch, since no branch is harder to predict.
     */
    private void mask(Run run, long first) {
      int scale = Float.floatToRawIntBits((float) (1.0 / (1.0 - probability)));
      int least = (int) Math.ceil(probability * 0x1p24);
      random.draw(run.seed(), first, run.step(), stream, bits);
      for (int e = 0; e < bits.length; e++) {
        bits[e] = ~(((bits[e] >>> 8) - least) >> 31) & scale;
      }
      for (int c = 0; c < channels; c++) {
        for (int p = 0; p < pixels; p++) {
          values[p * channels + c] *= Float.intBitsToFloat(bits[c * pixels + p]);
        }
      }
    }
  }

  @Override
  public Kernel bind(Buffers buffers) {
    Worker[] each = new Worker[workers.count()];
    for (int i = 0; i < each.length; i++) {
      each[i] = new Worker(buffers);
    }
    return new Drops(each);
  }

  /** One thread's worker masks one sample at a time. */
  private final class Drops implements Kernel {
    private final Worker[] each;
    private final Workers.Task dropping = this::drop;
    private Run run = new Run();

    Drops(Worker[] each) {
      this.each = each;
    }

    @Override
    public void run(Run now) {
      run = now;
      workers.run(from.shape().dim(0), dropping);
    }

    private void drop(int thread, int n) {
      each[thread].drop(run, n);
    }
  }
}
