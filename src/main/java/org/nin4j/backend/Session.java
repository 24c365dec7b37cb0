package org.nin4j.backend;

import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Philox;

/**
 * A plan on a device. Parameters start at 0; write them before the first run. {@link #run} only
 * replays: nothing is allocated, chosen or waited for.
 *
 * <p>Every backend keeps the same contract: an {@link IllegalArgumentException} for an argument
 * that does not fit the plan, which changes nothing; an {@link IllegalStateException} for a call
 * out of turn, once the session is closed, or from another thread than the one that made it; a
 * {@link BackendException} where the device fails.
 */
public interface Session extends AutoCloseable {
  PlacedPlan placed();

  /**
   * Writes a tensor's values, given in logical order, converted to its type and layout.
   *
   * @throws IllegalArgumentException if the plan has no such tensor, the values are of another
   *     shape, or a label is no class
   */
  void write(TensorSpec tensor, HostTensor values);

  /**
   * Fills an activation or a parameter with random numbers from −1 to 1, for measurements: which of
   * them lies where is the backend's own. A device draws them itself, without memory of the host.
   */
  default void fillRandomly(TensorSpec tensor, long seed) {
    HostTensor values = HostTensor.zeros(tensor.shape());
    Philox.Sequence random = new Philox.Sequence(seed, 0, 0);
    for (int i = 0; i < values.values().length; i++) {
      values.values()[i] = 2 * random.nextUniform() - 1;
    }
    write(tensor, values);
  }

  /**
   * Waits for the runs so far and reads a tensor, in logical order as floats. Activations that the
   * plan does not keep may have been written over.
   *
   * @throws IllegalArgumentException if the plan has no such tensor
   */
  HostTensor read(TensorSpec tensor);

  /**
   * Puts the stored images and labels where batches are made from; replaces earlier ones, and ends
   * the epoch that took them.
   *
   * @throws IllegalArgumentException if the plan makes no batches, or none of such images, or a
   *     label is no class
   */
  void load(Samples samples);

  /**
   * Sets what the coming runs take: run k of the epoch has step number {@code firstStep + k},
   * learning rate {@code learningRates[k]} and the samples {@code order[k · batch …]}. Starts the
   * metrics from {@code before}. Only now and in {@link #load} does the session allocate for data.
   * An epoch may begin before the last one is over.
   *
   * @throws IllegalArgumentException if the order is no multiple of the batch or names a sample
   *     that is not there, or there is not one learning rate for each run; the last epoch goes on
   * @throws IllegalStateException if samples are needed and none are loaded
   */
  void begin(Epoch epoch);

  /**
   * Starts the next run of the epoch; a plan that makes no batch and updates nothing needs none.
   *
   * @throws IllegalStateException if no epoch has begun, or all its runs are done
   */
  void run();

  /**
   * How many runs belong together, from the beginning of an epoch on: only after so many, and at
   * the epoch's end, what is read and the metrics are those of the runs so far. More than 1 where
   * many devices train by themselves for some steps.
   */
  default int stride() {
    return 1;
  }

  /**
   * Waits for the runs so far and reads {@link Epoch#before} plus the sums since {@link #begin}.
   */
  Metrics metrics();

  /**
   * Like {@link #run}, but times each step, and waits for all of them.
   *
   * @return nanoseconds, by the step's place in the plan
   */
  long[] runTimed();

  /** Waits for the runs so far, then frees everything; a second call does nothing. */
  @Override
  void close();
}
