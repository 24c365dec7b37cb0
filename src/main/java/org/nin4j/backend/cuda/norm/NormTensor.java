package org.nin4j.backend.cuda.norm;

/** A tensor of a norm's graph that lies in memory. */
public enum NormTensor {
  /** The input. */
  X(1),
  /** By channel, fp32. */
  WEIGHT(2),
  /** By channel, fp32. */
  BIAS(3),
  /** Of the batch, by channel, fp32: written forward, read backward. */
  MEAN(4),
  /** 1 / √(variance of the batch + eps), by channel, fp32: written forward, read backward. */
  INVERSE(5),
  /** What is added before the ReLU. */
  ADDED(6),
  /** The output, after sum and ReLU. */
  Y(7),
  /** By y. */
  OUTPUT_GRADIENT(8),
  /** By x. */
  INPUT_GRADIENT(10),
  /** By channel, fp32. */
  WEIGHT_GRADIENT(11),
  /** By channel, fp32. */
  BIAS_GRADIENT(12);

  private final long number;

  NormTensor(long number) {
    this.number = number;
  }

  /** Under which a run names its place to cuDNN, and plans that are kept on disk know it. */
  long number() {
    return number;
  }
}
