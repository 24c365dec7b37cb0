package org.nin4j.backend.onednn;

/** One step of a plan, its primitives chosen, its memory not yet known. */
interface Operation {
  /** Bytes needed while it runs. */
  default long workspace() {
    return 0;
  }

  /** Bytes kept between runs. */
  default long resident() {
    return 0;
  }

  /** Ties it to its memory. */
  Kernel bind(Places places);

  /** What a run does for this step. */
  @FunctionalInterface
  interface Kernel {
    void run(Run run);
  }

  /** Where the run stands and what it adds to. */
  final class Run {
    long seed;
    int step;
    int index;
    int[] order = {};
    float[] learningRates = {};
    double lossSum;
    long samples;
    long top1;
    long top5;
  }
}
