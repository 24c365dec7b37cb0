package org.nin4j.backend;

/**
 * Sums over the samples seen since the epoch began.
 *
 * @param lossSum of the samples' losses
 * @param samples how many, empty places of batches left out
 * @param top1 how many had the right class first
 * @param top5 how many had it among the first five
 */
public record Metrics(double lossSum, long samples, long top1, long top5)
    implements java.io.Serializable {
  public static final Metrics NONE = new Metrics(0, 0, 0, 0);

  /** Mean loss of a sample; NaN if there was none. */
  public double loss() {
    return lossSum / samples;
  }

  /** Share of samples with the right class first, in [0, 1]; NaN if there was none. */
  public double accuracy() {
    return (double) top1 / samples;
  }

  /** Share of samples with the right class among the first five, in [0, 1]. */
  public double top5Accuracy() {
    return (double) top5 / samples;
  }

  /** These and what others have counted. */
  public Metrics plus(Metrics others) {
    return new Metrics(
        lossSum + others.lossSum, samples + others.samples, top1 + others.top1, top5 + others.top5);
  }

  /** What came since an earlier reading. */
  public Metrics since(Metrics earlier) {
    return new Metrics(
        lossSum - earlier.lossSum,
        samples - earlier.samples,
        top1 - earlier.top1,
        top5 - earlier.top5);
  }
}
