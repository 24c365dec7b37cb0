package org.nin4j.bench.libtorch;

import java.util.List;

/** What the product's test reads: how a training began and what libtorch made of it. */
record RecordedCase(
    Setting setting,
    List<Integer> labels,
    List<Integer> order,
    long imagesCrc32,
    Outcome fp32,
    Outcome fp64,
    List<Snapshot> snapshots) {

  /**
   * One training on generated samples.
   *
   * @param name of the recording
   * @param network one of {@link BookNetworks}
   * @param divisor of all its channels and hidden features
   */
  record Setting(
      String name,
      String network,
      int divisor,
      int pixels,
      int batch,
      int steps,
      int samples,
      long seed,
      int firstStep,
      String initialisation,
      float learningRate,
      float momentum,
      boolean nesterov,
      float weightDecay,
      float dropout,
      float mean,
      float std) {}

  /** Step by step: the mean loss of the batch and the counts of right answers. */
  record Outcome(List<Double> losses, List<Integer> top1, List<Integer> top5) {}

  /**
   * What has become of the parameters, in PyTorch's order, and of the running statistics after the
   * given number of steps, in the double-precision run.
   */
  record Snapshot(int steps, List<Change> parameters, List<Change> state) {}

  /**
   * A tensor's present values minus its first: Euclidean norm and sum over all elements, and those
   * of elements {@code i · (count − 1) / (n − 1)}, n being how many there are.
   */
  record Change(String name, int count, double norm, double sum, List<Float> changes) {}
}
