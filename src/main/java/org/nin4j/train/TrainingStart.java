package org.nin4j.train;

import org.nin4j.plan.Plan;

/**
 * What is about to be trained, all of it bound to its device.
 *
 * @param recipe of the run
 * @param plan of a training step, as the device runs it
 * @param trainingBytes what this plan takes on the device
 * @param position where the run goes on; epoch 0, step 0 for a new one
 * @param history of the epochs before
 */
public record TrainingStart(
    Recipe recipe, Plan plan, long trainingBytes, Position position, History history) {}
