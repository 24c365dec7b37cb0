package org.nin4j.backend.cuda.norm;

/** A tensor of a norm's graph that lies in memory. */
public enum NormTensor {
  /** The input. */
  X,
  /** By channel, fp32. */
  WEIGHT,
  /** By channel, fp32. */
  BIAS,
  /** Of the batch, by channel, fp32: written forward, read backward. */
  MEAN,
  /** 1 / √(variance of the batch + eps), by channel, fp32: written forward, read backward. */
  INVERSE,
  /** What is added before the ReLU. */
  ADDED,
  /** The output, after sum and ReLU. */
  Y,
  /** By y. */
  OUTPUT_GRADIENT,
  /** By the sum before the ReLU. */
  SUM_GRADIENT,
  /** By x. */
  INPUT_GRADIENT,
  /** By channel, fp32. */
  WEIGHT_GRADIENT,
  /** By channel, fp32. */
  BIAS_GRADIENT;

  /** Under which a run names its place to cuDNN. */
  long number() {
    return ordinal() + 1L;
  }
}
