package org.nin4j.backend.onednn.library;

import java.util.List;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.Metrics;

/** One step of a plan, its primitives chosen, its memory not yet known. */
public interface Operation {
  /** Bytes needed while it runs. */
  default long workspace() {
    return 0;
  }

  /** Bytes kept between runs. */
  default long resident() {
    return 0;
  }

  /** Ties it to its memory. */
  Kernel bind(Buffers buffers);

  /** One after the other, with a workspace that serves each in turn. */
  static Operation inOrder(Operation first, Operation second) {
    List<Operation> both = List.of(first, second);
    return new Operation() {
      @Override
      public long workspace() {
        return both.stream().mapToLong(Operation::workspace).max().orElse(0);
      }

      @Override
      public long resident() {
        return Calls.aligned(first.resident()) + second.resident();
      }

      @Override
      public Kernel bind(Buffers buffers) {
        Kernel begin = first.bind(buffers);
        Kernel end = second.bind(buffers.withOffset(Calls.aligned(first.resident())));
        return run -> {
          begin.run(run);
          end.run(run);
        };
      }
    };
  }

  /** What a run does for this step. */
  @FunctionalInterface
  interface Kernel {
    void run(Run run);
  }

  /** Where the run stands and what it adds to. */
  final class Run {
    private int written;
    private long seed;
    private int step;
    private int firstPlace;
    private int index;
    private int[] order = {};
    private float[] learningRates = {};
    private double lossSum;
    private long samples;
    private long top1;
    private long top5;

    public void begin(Epoch epoch) {
      seed = epoch.seed();
      step = epoch.firstStep();
      firstPlace = epoch.firstPlace();
      index = 0;
      order = epoch.order();
      learningRates = epoch.learningRates();
      lossSum = epoch.before().lossSum();
      samples = epoch.before().samples();
      top1 = epoch.before().top1();
      top5 = epoch.before().top5();
    }

    /** Notes that values were written to the session from outside. */
    public void noteWritten() {
      written++;
    }

    /** How often that has happened. */
    public int written() {
      return written;
    }

    /** On to the next batch. */
    public void advance() {
      index++;
      step++;
    }

    public long seed() {
      return seed;
    }

    /** The number of the training step, counted from the run's first. */
    public int step() {
      return step;
    }

    /** Where the n-th sample stands in the batch of which this one is a part. */
    public int place(int n) {
      return firstPlace + n;
    }

    /** Which sample is the n-th of the present batch, for batches of this size. */
    public int sample(int batch, int n) {
      return order[index * batch + n];
    }

    public float learningRate() {
      return learningRates[index];
    }

    public void addSamples(int count) {
      samples += count;
    }

    public void addLoss(double loss) {
      lossSum += loss;
    }

    /** Counts an answer by how many others were likelier than the right one. */
    public void addRank(int before) {
      top1 += before < 1 ? 1 : 0;
      top5 += before < 5 ? 1 : 0;
    }

    public Metrics metrics() {
      return new Metrics(lossSum, samples, top1, top5);
    }
  }
}
