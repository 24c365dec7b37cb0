package org.nin4j.backend.onednn.step;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.ShortBuffer;
import java.util.Arrays;
import java.util.Optional;
import org.nin4j.backend.Samples;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.backend.onednn.library.Workers;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.MakeBatch;
import org.nin4j.tensor.Bfloat16;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Philox;
import org.nin4j.tensor.ResizeAxis;

/**
 * Gathers, varies, enlarges and scales the images of a batch, on all threads: see {@link
 * BatchSpec}. Pixels pass as ints through the loops that weigh them, which the compiler then
 * vectorises.
 */
public final class BatchMaking implements Operation {
  private final MakeBatch step;
  private final SampleStore store;
  private final Workers workers;
  private final BatchSpec spec;
  private final int channels;
  private final ResizeAxis vertical;
  private final ResizeAxis horizontal;

  public BatchMaking(MakeBatch step, SampleStore store, Workers workers) {
    this.step = step;
    this.store = store;
    this.workers = workers;
    spec = step.spec();
    channels = spec.source().dim(0);
    vertical = ResizeAxis.of(spec.source().dim(1), spec.height());
    horizontal = ResizeAxis.of(spec.source().dim(2), spec.width());
  }

  @Override
  public Kernel bind(Buffers buffers) {
    Maker[] makers = new Maker[workers.count()];
    for (int i = 0; i < makers.length; i++) {
      makers[i] = step.images().type() == DType.BF16 ? new Shorts(buffers) : new Floats(buffers);
    }
    return new Batch(makers);
  }

  /** One thread's maker makes one image at a time. */
  private final class Batch implements Kernel {
    private final Maker[] makers;
    private final Workers.Task making = this::make;
    private Run run = new Run();
    private Optional<Samples> samples = Optional.empty();

    Batch(Maker[] makers) {
      this.makers = makers;
    }

    @Override
    public void run(Run now) {
      run = now;
      samples = store.samples();
      workers.run(step.labels().shape().dim(0), making);
    }

    private void make(int thread, int n) {
      makers[thread].make(run, samples.orElseThrow(), n);
    }
  }

  /** What a pixel value becomes in a channel. */
  private float scaled(int channel, int pixel) {
    return (float) ((pixel / 255.0 - spec.mean().get(channel)) / spec.std().get(channel));
  }

  /**
   * The work up to 8-bit pixels of the final size; what is stored for them is the type's business.
   */
  private abstract class Maker {
    private final IntBuffer labels;
    private final byte[] plane = new byte[vertical.inSize() * horizontal.inSize()];
    private final int[][] widened = new int[vertical.inSize()][horizontal.outSize() * channels];
    private final int[] sums = new int[horizontal.outSize() * channels];
    private final int[] random = new int[4];

    Maker(Buffers buffers) {
      labels = buffers.ints(step.labels());
    }

    /** Stores a row of pixels, channels innermost. */
    abstract void store(int place, int[] pixels);

    /** Stores a row of zeros. */
    abstract void storeZeros(int place);

    /** Image n of the batch. */
    void make(Run run, Samples samples, int n) {
      int sample = run.sample(labels.capacity(), n);
      labels.put(n, sample < 0 ? -1 : samples.labels().get(sample) & 0xff);
      if (sample >= 0) {
        Philox.block(run.seed(), run.place(n), run.step(), Philox.Stream.AUGMENTATION, random);
        for (int c = 0; c < channels; c++) {
          gather(samples.images(), sample * channels + c);
          cutOut(c);
          widen(c);
        }
      }
      for (int row = 0; row < spec.height(); row++) {
        int place = (n * spec.height() + row) * sums.length;
        if (sample < 0) {
          storeZeros(place);
        } else {
          heighten(row);
          store(place, sums);
        }
      }
    }

    /** One stored plane, flipped and shifted as drawn. */
    private void gather(ByteBuffer images, int planeIndex) {
      int height = vertical.inSize();
      int width = horizontal.inSize();
      int from = planeIndex * height * width;
      int shift = spec.augmentation().shift();
      boolean flip = spec.augmentation().flip() && (random[0] & 1) == 1;
      if (shift == 0 && !flip) {
        images.get(from, plane);
        return;
      }
      int down = Integer.remainderUnsigned(random[1], 2 * shift + 1) - shift;
      int right = Integer.remainderUnsigned(random[2], 2 * shift + 1) - shift;
      for (int i = 0; i < height; i++) {
        int row = i + down;
        for (int j = 0; j < width; j++) {
          int column = (flip ? width - 1 - j : j) + right;
          boolean inside = row >= 0 && row < height && column >= 0 && column < width;
          plane[i * width + j] =
              inside ? images.get(from + row * width + column) : (byte) spec.border();
        }
      }
    }

    /** Sets the square that is drawn to the channel's mean. */
    private void cutOut(int channel) {
      int cutout = spec.augmentation().cutout();
      if (cutout == 0) {
        return;
      }
      int height = vertical.inSize();
      int width = horizontal.inSize();
      int centre = Integer.remainderUnsigned(random[3], height * width);
      int top = centre / width - cutout / 2;
      int left = centre % width - cutout / 2;
      int from = Math.max(0, left);
      int to = Math.min(width, left + cutout);
      for (int i = Math.max(0, top); i < Math.min(height, top + cutout); i++) {
        Arrays.fill(plane, i * width + from, i * width + to, (byte) spec.nearestToMean(channel));
      }
    }

    /** Resizes the rows of the plane into the channel's places. */
    private void widen(int channel) {
      int width = horizontal.outSize();
      for (int row = 0; row < vertical.inSize(); row++) {
        int from = row * horizontal.inSize();
        for (int column = 0; column < width; column++) {
          widened[row][column * channels + channel] =
              horizontal.isIdentity() ? plane[from + column] & 0xff : weighted(column, from);
        }
      }
    }

    private int weighted(int column, int from) {
      int sum = 1 << (ResizeAxis.PRECISION_BITS - 1);
      int first = from + horizontal.start()[column];
      int base = column * horizontal.maxCount();
      for (int i = 0; i < horizontal.count()[column]; i++) {
        sum += (plane[first + i] & 0xff) * horizontal.coefficients()[base + i];
      }
      return Math.min(255, sum >> ResizeAxis.PRECISION_BITS);
    }

    /** One row of the final height into {@link #sums}. */
    private void heighten(int row) {
      if (vertical.isIdentity()) {
        System.arraycopy(widened[row], 0, sums, 0, sums.length);
        return;
      }
      Arrays.fill(sums, 1 << (ResizeAxis.PRECISION_BITS - 1));
      for (int i = 0; i < vertical.count()[row]; i++) {
        addWeighted(
            widened[vertical.start()[row] + i],
            vertical.coefficients()[row * vertical.maxCount() + i]);
      }
      for (int i = 0; i < sums.length; i++) {
        sums[i] = Math.min(255, sums[i] >> ResizeAxis.PRECISION_BITS);
      }
    }

    private void addWeighted(int[] values, int coefficient) {
      for (int i = 0; i < sums.length; i++) {
        sums[i] += values[i] * coefficient;
      }
    }
  }

  private final class Floats extends Maker {
    private final FloatBuffer images;
    private final float[] row = new float[horizontal.outSize() * channels];
    private final float[][] table = new float[channels][256];

    Floats(Buffers buffers) {
      super(buffers);
      images = buffers.floats(step.images());
      for (int c = 0; c < channels; c++) {
        for (int pixel = 0; pixel < 256; pixel++) {
          table[c][pixel] = scaled(c, pixel);
        }
      }
    }

    @Override
    void store(int place, int[] pixels) {
      for (int c = 0; c < channels; c++) {
        for (int i = c; i < row.length; i += channels) {
          row[i] = table[c][pixels[i]];
        }
      }
      images.put(place, row);
    }

    @Override
    void storeZeros(int place) {
      Arrays.fill(row, 0);
      images.put(place, row);
    }
  }

  private final class Shorts extends Maker {
    private final ShortBuffer images;
    private final short[] row = new short[horizontal.outSize() * channels];
    private final short[][] table = new short[channels][256];

    Shorts(Buffers buffers) {
      super(buffers);
      images = buffers.shorts(step.images());
      for (int c = 0; c < channels; c++) {
        for (int pixel = 0; pixel < 256; pixel++) {
          table[c][pixel] = Bfloat16.fromFloat(scaled(c, pixel));
        }
      }
    }

    @Override
    void store(int place, int[] pixels) {
      for (int c = 0; c < channels; c++) {
        for (int i = c; i < row.length; i += channels) {
          row[i] = table[c][pixels[i]];
        }
      }
      images.put(place, row);
    }

    @Override
    void storeZeros(int place) {
      Arrays.fill(row, (short) 0);
      images.put(place, row);
    }
  }
}
