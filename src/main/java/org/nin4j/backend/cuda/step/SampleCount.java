package org.nin4j.backend.cuda.step;

import org.nin4j.plan.step.TensorSpec;

/**
 * For how many samples a size is wanted, as if the plan were made for that number.
 *
 * @param planned samples of the plan's batch
 * @param wanted samples to assume
 */
public record SampleCount(int planned, int wanted) {
  public static SampleCount asPlanned(int batch) {
    return new SampleCount(batch, batch);
  }

  boolean isAsPlanned() {
    return planned == wanted;
  }

  /** Elements of an activation. */
  public long elements(TensorSpec activation) {
    return scaled(activation.shape().elements());
  }

  /** The number that takes the place of one that grows with the batch. */
  long scaled(long number) {
    return number / planned * wanted + number % planned;
  }
}
