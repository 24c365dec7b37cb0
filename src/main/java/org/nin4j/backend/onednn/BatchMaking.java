package org.nin4j.backend.onednn;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.ShortBuffer;
import java.util.Arrays;
import org.nin4j.backend.Samples;
import org.nin4j.plan.BatchSpec;
import org.nin4j.plan.MakeBatch;
import org.nin4j.tensor.Bfloat16;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.ResizeAxis;

/** Gathers, varies, enlarges and scales the images of a batch: see {@link BatchSpec}. */
final class BatchMaking implements Operation {
  private final MakeBatch step;
  private final SampleStore store;
  private final Team team;
  private final ResizeAxis vertical;
  private final ResizeAxis horizontal;
  private final float[][] scaled;

  BatchMaking(MakeBatch step, SampleStore store, Team team) {
    this.step = step;
    this.store = store;
    this.team = team;
    BatchSpec spec = step.spec();
    vertical = ResizeAxis.of(spec.source().dim(1), spec.height());
    horizontal = ResizeAxis.of(spec.source().dim(2), spec.width());
    scaled = scaledPixels(spec);
  }

  /** What each of the 256 pixel values becomes, by channel. */
  private static float[][] scaledPixels(BatchSpec spec) {
    float[][] table = new float[spec.source().dim(0)][256];
    for (int c = 0; c < table.length; c++) {
      for (int pixel = 0; pixel < 256; pixel++) {
        table[c][pixel] = (float) ((pixel / 255.0 - spec.mean().get(c)) / spec.std().get(c));
      }
    }
    return table;
  }

  /** What one thread needs for itself. */
  private final class Worker {
    final byte[] plane;
    final byte[] widened;
    final float[] line;
    final short[] shortLine;
    final int[] random = new int[4];

    Worker() {
      BatchSpec spec = step.spec();
      plane = new byte[spec.source().dim(1) * spec.source().dim(2)];
      widened = new byte[spec.source().dim(1) * spec.width() * spec.source().dim(0)];
      line = new float[spec.width() * spec.source().dim(0)];
      shortLine = new short[line.length];
    }
  }

  @Override
  public Kernel bind(Places places) {
    IntBuffer labels = places.ints(step.labels());
    boolean bf16 = step.images().type() == DType.BF16;
    FloatBuffer[] floats = new FloatBuffer[team.size()];
    ShortBuffer[] shorts = new ShortBuffer[team.size()];
    Worker[] workers = new Worker[team.size()];
    for (int part = 0; part < team.size(); part++) {
      workers[part] = new Worker();
      if (bf16) {
        shorts[part] = places.shorts(step.images());
      } else {
        floats[part] = places.floats(step.images());
      }
    }
    return new Kernel() {
      private Run current = new Run();
      private final Team.Work work =
          (part, parts) -> {
            Samples samples = store.matching(step.spec());
            for (int n = part; n < labels.capacity(); n += parts) {
              make(current, samples, n, labels, workers[part], floats[part], shorts[part]);
            }
          };

      @Override
      public void run(Run run) {
        current = run;
        team.run(work);
      }
    };
  }

  private void make(
      Run run,
      Samples samples,
      int n,
      IntBuffer labels,
      Worker worker,
      FloatBuffer floats,
      ShortBuffer shorts) {
    int sample = run.order[run.index * labels.capacity() + n];
    labels.put(n, sample < 0 ? -1 : samples.labels().get(sample) & 0xff);
    int channels = step.spec().source().dim(0);
    if (sample >= 0) {
      Philox.block(run.seed, n, run.step, Philox.Stream.AUGMENTATION, worker.random);
      for (int c = 0; c < channels; c++) {
        gather(samples, sample * channels + c, worker);
        widen(worker, c, channels);
      }
    }
    int width = worker.line.length;
    for (int row = 0; row < step.spec().height(); row++) {
      if (sample < 0) {
        Arrays.fill(worker.line, 0);
      } else {
        scaledRow(row, channels, worker);
      }
      int at = (n * step.spec().height() + row) * width;
      if (shorts == null) {
        floats.put(at, worker.line, 0, width);
      } else {
        for (int i = 0; i < width; i++) {
          worker.shortLine[i] = Bfloat16.fromFloat(worker.line[i]);
        }
        shorts.put(at, worker.shortLine, 0, width);
      }
    }
  }

  /** One stored plane, flipped and shifted as drawn. */
  private void gather(Samples samples, int planeIndex, Worker worker) {
    BatchSpec spec = step.spec();
    int height = spec.source().dim(1);
    int width = spec.source().dim(2);
    ByteBuffer images = samples.images();
    int from = planeIndex * height * width;
    int shift = spec.augmentation().shift();
    boolean flip = spec.augmentation().flip() && (worker.random[0] & 1) == 1;
    if (shift == 0 && !flip) {
      images.get(from, worker.plane);
      return;
    }
    int down = Integer.remainderUnsigned(worker.random[1], 2 * shift + 1) - shift;
    int right = Integer.remainderUnsigned(worker.random[2], 2 * shift + 1) - shift;
    for (int i = 0; i < height; i++) {
      int row = i + down;
      for (int j = 0; j < width; j++) {
        int column = (flip ? width - 1 - j : j) + right;
        boolean inside = row >= 0 && row < height && column >= 0 && column < width;
        worker.plane[i * width + j] = inside ? images.get(from + row * width + column) : 0;
      }
    }
  }

  /** Resizes the rows of a plane into the channel's places. */
  private void widen(Worker worker, int channel, int channels) {
    int sourceWidth = horizontal.inSize();
    int width = horizontal.outSize();
    for (int row = 0; row < vertical.inSize(); row++) {
      for (int column = 0; column < width; column++) {
        int value =
            horizontal.isIdentity()
                ? worker.plane[row * sourceWidth + column]
                : weighted(
                    horizontal,
                    column,
                    worker.plane,
                    row * sourceWidth + horizontal.start()[column],
                    1);
        worker.widened[(row * width + column) * channels + channel] = (byte) value;
      }
    }
  }

  private void scaledRow(int row, int channels, Worker worker) {
    int stride = worker.line.length;
    if (vertical.isIdentity()) {
      for (int i = 0; i < stride; i++) {
        worker.line[i] = scaled[i % channels][worker.widened[row * stride + i] & 0xff];
      }
      return;
    }
    int start = vertical.start()[row] * stride;
    for (int i = 0; i < stride; i++) {
      int pixel = weighted(vertical, row, worker.widened, start + i, stride);
      worker.line[i] = scaled[i % channels][pixel];
    }
  }

  /** One output pixel from the source pixels that begin at {@code first}. */
  private static int weighted(ResizeAxis axis, int out, byte[] from, int first, int stride) {
    int sum = 1 << (ResizeAxis.PRECISION_BITS - 1);
    int base = out * axis.maxCount();
    for (int i = 0; i < axis.count()[out]; i++) {
      sum += (from[first + i * stride] & 0xff) * axis.coefficients()[base + i];
    }
    return Math.min(255, sum >> ResizeAxis.PRECISION_BITS);
  }
}
