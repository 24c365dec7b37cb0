package org.nin4j.page;

/**
 * A stretch of training steps: sums, so that two of them make one.
 *
 * @param step the run's step that it ends with, from 1
 * @param samples images of its steps
 * @param lossSum of these images
 * @param top1 how many of them had the right class first
 * @param seconds that it took
 * @param rate of the last step
 */
record CurvePoint(long step, long samples, double lossSum, long top1, double seconds, float rate) {
  CurvePoint and(CurvePoint next) {
    return new CurvePoint(
        next.step,
        samples + next.samples,
        lossSum + next.lossSum,
        top1 + next.top1,
        seconds + next.seconds,
        next.rate);
  }

  double loss() {
    return lossSum / samples;
  }

  double accuracy() {
    return (double) top1 / samples;
  }

  double imagesPerSecond() {
    return samples / seconds;
  }
}
