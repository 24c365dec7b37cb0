package org.nin4j.train.tensorboard;

/** How many values lie where: {@link #BUCKETS} ranges of equal width from the least to the most. */
final class Histogram {
  static final int BUCKETS = 30;

  /** Fields of {@code HistogramProto}. */
  private static final int MIN = 1;

  private static final int MAX = 2;
  private static final int NUM = 3;
  private static final int SUM = 4;
  private static final int SUM_SQUARES = 5;
  private static final int BUCKET_LIMIT = 6;
  private static final int BUCKET = 7;

  private double min = Double.POSITIVE_INFINITY;
  private double max = Double.NEGATIVE_INFINITY;
  private double sum;
  private double squares;
  private final int count;
  private final double[] limits = new double[BUCKETS];
  private final double[] counts = new double[BUCKETS];

  /** Of finite values, at least one. */
  Histogram(float[] values) {
    count = values.length;
    for (float value : values) {
      min = Math.min(min, value);
      max = Math.max(max, value);
      sum += value;
      squares += (double) value * value;
    }
    // Values that are all the same still lie in a range.
    double width = max > min ? (max - min) / BUCKETS : 1e-12;
    for (int i = 0; i < BUCKETS; i++) {
      limits[i] = min + (i + 1) * width;
    }
    for (float value : values) {
      counts[Math.min(BUCKETS - 1, (int) ((value - min) / width))]++;
    }
  }

  Message message() {
    return new Message()
        .real(MIN, min)
        .real(MAX, max)
        .real(NUM, count)
        .real(SUM, sum)
        .real(SUM_SQUARES, squares)
        .reals(BUCKET_LIMIT, limits)
        .reals(BUCKET, counts);
  }
}
