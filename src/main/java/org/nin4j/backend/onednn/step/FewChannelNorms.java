package org.nin4j.backend.onednn.step;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Optional;
import org.bytedeco.dnnl.memory;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.backend.onednn.library.Calls;
import org.nin4j.backend.onednn.library.Dnnl;
import org.nin4j.backend.onednn.library.Operation;
import org.nin4j.backend.onednn.library.Regions;
import org.nin4j.backend.onednn.library.Workers;
import org.nin4j.plan.step.BatchNormBackward;
import org.nin4j.plan.step.BatchNormForward;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;

/**
 * Batch normalisation in training where the channels fill no vector, on all threads. oneDNN goes
 * through such images pixel by pixel.
 *
 * <p>A block is as many whole pixels as make some thousand values, so that element i of every block
 * belongs to the same channel. Means, factors and sums are kept for each element of a block instead
 * of for each channel: loops over arrays with one index, which the compiler of JDK 17 vectorises.
 * Each part of the images has its own sums, added in order: results do not depend on who did what.
 *
 * <p>bf16 is widened to fp32 first, by oneDNN.
 */
final class FewChannelNorms {
  private static final int BLOCK = 1024;
  private static final int MOST_PARTS = 64;

  private final Dnnl dnnl;
  private final Workers workers;

  FewChannelNorms(Dnnl dnnl, Workers workers) {
    this.dnnl = dnnl;
    this.workers = workers;
  }

  /** A tensor in fp32: where it lies, or where it is widened to. */
  private final class Wide {
    private final TensorSpec stored;
    private final TensorSpec worked;
    private final long at;
    private final long scratchAt;

    Wide(TensorSpec stored, Regions regions) {
      this.stored = stored;
      worked = new TensorSpec(stored.name(), stored.shape(), DType.F32, stored.role());
      at = regions.take(widened() ? layout().get_size() : 0);
      scratchAt =
          regions.take(
              widened()
                  ? Math.max(
                      Calls.reorderScratchpad(dnnl, Dnnl.layoutOf(stored), layout()),
                      Calls.reorderScratchpad(dnnl, layout(), Dnnl.layoutOf(stored)))
                  : 0);
    }

    private boolean widened() {
      return stored.type() != DType.F32;
    }

    private memory.desc layout() {
      return Dnnl.layoutOf(worked);
    }

    FloatBuffer floats(Buffers buffers) {
      return widened() ? buffers.workspaceFloats(at, layout().get_size()) : buffers.floats(stored);
    }

    Calls widen(Buffers buffers) {
      Calls calls = new Calls(dnnl);
      if (widened()) {
        calls.addReorder(
            buffers.memory(stored), buffers.workspace(layout(), at), buffers, scratchAt);
      }
      return calls;
    }

    /** Back to bf16, into a tensor of the same shape. */
    Calls narrow(TensorSpec to, Buffers buffers) {
      Calls calls = new Calls(dnnl);
      if (widened()) {
        calls.addReorder(buffers.workspace(layout(), at), buffers.memory(to), buffers, scratchAt);
      }
      return calls;
    }
  }

  /** Images cut into parts, and parts into blocks. */
  private final class Blocks {
    final int channels;
    final double count;
    final int parts;
    private final int elements;
    private final int length;
    private final int blocks;

    Blocks(TensorSpec tensor) {
      channels = tensor.shape().dim(1);
      elements = Math.toIntExact(tensor.shape().elements());
      count = elements / (double) channels;
      length = channels * Math.max(1, BLOCK / channels);
      blocks = (elements + length - 1) / length;
      parts = Math.min(MOST_PARTS, blocks);
    }

    /** One value for each element of a block, for each thread. */
    float[][] forThreads() {
      return new float[workers.count()][length];
    }

    float[] pattern() {
      return new float[length];
    }

    void fill(float[] pattern, int channel, float value) {
      for (int i = channel; i < length; i += channels) {
        pattern[i] = value;
      }
    }

    double[][] sums() {
      return new double[parts][channels];
    }

    double sum(double[][] sums, int channel) {
      double sum = 0;
      for (double[] part : sums) {
        sum += part[channel];
      }
      return sum;
    }

    /** Each sum is written once: those of other threads lie on the same cache line. */
    void collect(float[] pattern, double[] sums) {
      for (int c = 0; c < channels; c++) {
        double sum = 0;
        for (int i = c; i < length; i += channels) {
          sum += pattern[i];
        }
        sums[c] = sum;
      }
    }

    int begin(int part) {
      return (int) ((long) blocks * part / parts);
    }

    int at(int block) {
      return block * length;
    }

    int size(int block) {
      return Math.min(length, elements - at(block));
    }
  }

  Operation forward(BatchNormForward step) {
    Regions regions = new Regions();
    Wide x = new Wide(step.input(), regions);
    return new Operation() {
      @Override
      public long workspace() {
        return regions.bytes();
      }

      @Override
      public Kernel bind(Buffers buffers) {
        return new Forward(step, x, buffers);
      }
    };
  }

  private final class Forward implements Operation.Kernel {
    private final BatchNormForward step;
    private final Blocks blocks;
    private final Calls widen;
    private final Calls narrow;
    private final FloatBuffer x;
    private final FloatBuffer y;
    private final FloatBuffer weight;
    private final FloatBuffer bias;
    private final FloatBuffer means;
    private final FloatBuffer inverses;
    private final FloatBuffer runningMean;
    private final FloatBuffer runningVariance;
    private final float[] mean;
    private final float[] scale;
    private final float[] shift;
    private final float[][] values;
    private final float[][] added;
    private final double[][] sums;
    private final Workers.Task summing = this::sum;
    private final Workers.Task squaring = this::square;
    private final Workers.Task applying = this::apply;

    Forward(BatchNormForward step, Wide wide, Buffers buffers) {
      this.step = step;
      blocks = new Blocks(step.input());
      widen = wide.widen(buffers);
      narrow = wide.narrow(step.output(), buffers);
      x = wide.floats(buffers);
      y = wide.widened() ? x : buffers.floats(step.output());
      weight = buffers.floats(step.weight());
      bias = buffers.floats(step.bias());
      means = buffers.floats(step.mean());
      inverses = buffers.floats(step.inverse());
      runningMean = buffers.floats(step.runningMean());
      runningVariance = buffers.floats(step.runningVariance());
      mean = blocks.pattern();
      scale = blocks.pattern();
      shift = blocks.pattern();
      values = blocks.forThreads();
      added = blocks.forThreads();
      sums = blocks.sums();
    }

    @Override
    public void run(Operation.Run run) {
      widen.execute();
      workers.run(blocks.parts, summing);
      for (int c = 0; c < blocks.channels; c++) {
        float of = (float) (blocks.sum(sums, c) / blocks.count);
        means.put(c, of);
        blocks.fill(mean, c, of);
      }
      workers.run(blocks.parts, squaring);
      for (int c = 0; c < blocks.channels; c++) {
        double squares = blocks.sum(sums, c);
        double inverse = 1 / Math.sqrt(squares / blocks.count + step.norm().eps());
        inverses.put(c, (float) inverse);
        blocks.fill(scale, c, (float) (weight.get(c) * inverse));
        blocks.fill(shift, c, bias.get(c));
        BatchNorms.move(step.norm(), runningMean, c, means.get(c));
        BatchNorms.move(step.norm(), runningVariance, c, (float) (squares / (blocks.count - 1)));
      }
      workers.run(blocks.parts, applying);
      narrow.execute();
    }

    private void sum(int thread, int part) {
      float[] sum = added[thread];
      Arrays.fill(sum, 0);
      for (int block = blocks.begin(part); block < blocks.begin(part + 1); block++) {
        int size = blocks.size(block);
        x.get(blocks.at(block), values[thread], 0, size);
        add(values[thread], sum, size);
      }
      blocks.collect(sum, sums[part]);
    }

    private void square(int thread, int part) {
      float[] sum = added[thread];
      Arrays.fill(sum, 0);
      for (int block = blocks.begin(part); block < blocks.begin(part + 1); block++) {
        int size = blocks.size(block);
        x.get(blocks.at(block), values[thread], 0, size);
        subtract(values[thread], mean, size);
        addProducts(values[thread], values[thread], sum, size);
      }
      blocks.collect(sum, sums[part]);
    }

    private void apply(int thread, int part) {
      float[] of = values[thread];
      for (int block = blocks.begin(part); block < blocks.begin(part + 1); block++) {
        int size = blocks.size(block);
        x.get(blocks.at(block), of, 0, size);
        subtract(of, mean, size);
        multiply(of, scale, size);
        add(shift, of, size);
        y.put(blocks.at(block), of, 0, size);
      }
    }
  }

  Operation backward(BatchNormBackward step) {
    Regions regions = new Regions();
    Wide x = new Wide(step.input(), regions);
    Wide dy = new Wide(step.outputGradient(), regions);
    return new Operation() {
      @Override
      public long workspace() {
        return regions.bytes();
      }

      @Override
      public Kernel bind(Buffers buffers) {
        return new Backward(step, x, dy, buffers);
      }
    };
  }

  private final class Backward implements Operation.Kernel {
    private final Blocks blocks;
    private final Calls widenX;
    private final Calls widenGradient;
    private final Optional<Calls> narrow;
    private final FloatBuffer x;
    private final FloatBuffer dy;
    private final Optional<FloatBuffer> dx;
    private final FloatBuffer weight;
    private final FloatBuffer means;
    private final FloatBuffer inverses;
    private final FloatBuffer weightGradient;
    private final FloatBuffer biasGradient;
    private final float[] mean;
    private final float[] scale;

    /** Σ dy / M, and Σ dy x̂ / M / deviation. */
    private final float[] constant;

    private final float[] slope;
    private final float[][] values;
    private final float[][] gradients;
    private final float[][] added;
    private final float[][] products;
    private final double[][] sums;
    private final double[][] productSums;
    private final Workers.Task summing = this::sum;
    private final Workers.Task applying = this::apply;

    Backward(BatchNormBackward step, Wide wideX, Wide wideGradient, Buffers buffers) {
      blocks = new Blocks(step.input());
      widenX = wideX.widen(buffers);
      widenGradient = wideGradient.widen(buffers);
      narrow = step.inputGradient().map(to -> wideGradient.narrow(to, buffers));
      x = wideX.floats(buffers);
      dy = wideGradient.floats(buffers);
      dx = step.inputGradient().map(to -> wideGradient.widened() ? dy : buffers.floats(to));
      weight = buffers.floats(step.weight());
      means = buffers.floats(step.mean());
      inverses = buffers.floats(step.inverse());
      weightGradient = buffers.floats(step.weightGradient());
      biasGradient = buffers.floats(step.biasGradient());
      mean = blocks.pattern();
      scale = blocks.pattern();
      constant = blocks.pattern();
      slope = blocks.pattern();
      values = blocks.forThreads();
      gradients = blocks.forThreads();
      added = blocks.forThreads();
      products = blocks.forThreads();
      sums = blocks.sums();
      productSums = blocks.sums();
    }

    @Override
    public void run(Operation.Run run) {
      widenX.execute();
      widenGradient.execute();
      for (int c = 0; c < blocks.channels; c++) {
        blocks.fill(mean, c, means.get(c));
      }
      workers.run(blocks.parts, summing);
      for (int c = 0; c < blocks.channels; c++) {
        double inverse = inverses.get(c);
        double ofGradient = blocks.sum(sums, c);
        double ofProducts = blocks.sum(productSums, c) * inverse;
        biasGradient.put(c, (float) ofGradient);
        weightGradient.put(c, (float) ofProducts);
        blocks.fill(scale, c, (float) (weight.get(c) * inverse));
        blocks.fill(constant, c, (float) (ofGradient / blocks.count));
        blocks.fill(slope, c, (float) (ofProducts / blocks.count * inverse));
      }
      if (dx.isPresent()) {
        workers.run(blocks.parts, applying);
        narrow.orElseThrow().execute();
      }
    }

    private void sum(int thread, int part) {
      float[] sum = added[thread];
      float[] productSum = products[thread];
      Arrays.fill(sum, 0);
      Arrays.fill(productSum, 0);
      for (int block = blocks.begin(part); block < blocks.begin(part + 1); block++) {
        int size = blocks.size(block);
        x.get(blocks.at(block), values[thread], 0, size);
        dy.get(blocks.at(block), gradients[thread], 0, size);
        add(gradients[thread], sum, size);
        subtract(values[thread], mean, size);
        addProducts(values[thread], gradients[thread], productSum, size);
      }
      blocks.collect(sum, sums[part]);
      blocks.collect(productSum, productSums[part]);
    }

    /** dx = weight / deviation · (dy − Σ dy / M − x̂ Σ dy x̂ / M). */
    private void apply(int thread, int part) {
      float[] of = values[thread];
      float[] gradient = gradients[thread];
      FloatBuffer to = dx.orElseThrow();
      for (int block = blocks.begin(part); block < blocks.begin(part + 1); block++) {
        int size = blocks.size(block);
        x.get(blocks.at(block), of, 0, size);
        dy.get(blocks.at(block), gradient, 0, size);
        subtract(of, mean, size);
        multiply(of, slope, size);
        subtract(gradient, constant, size);
        subtract(gradient, of, size);
        multiply(gradient, scale, size);
        to.put(blocks.at(block), gradient, 0, size);
      }
    }
  }

  private static void add(float[] values, float[] to, int size) {
    for (int i = 0; i < size; i++) {
      to[i] += values[i];
    }
  }

  private static void addProducts(float[] a, float[] b, float[] to, int size) {
    for (int i = 0; i < size; i++) {
      to[i] += a[i] * b[i];
    }
  }

  private static void subtract(float[] from, float[] values, int size) {
    for (int i = 0; i < size; i++) {
      from[i] -= values[i];
    }
  }

  private static void multiply(float[] values, float[] by, int size) {
    for (int i = 0; i < size; i++) {
      values[i] *= by[i];
    }
  }
}
