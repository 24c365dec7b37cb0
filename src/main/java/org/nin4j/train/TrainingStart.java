package org.nin4j.train;

import org.nin4j.model.Network;
import org.nin4j.plan.Plan;
import org.nin4j.train.checkpoint.Position;
import org.nin4j.train.history.History;
import org.nin4j.train.recipe.Recipe;

/**
 * What is about to be trained, all of it bound to its device.
 *
 * @param recipe of the run, as it is carried out
 * @param network what is trained
 * @param data the data set's name
 * @param plan of a training step, as the device runs it
 * @param trainingBytes what this plan takes on the device
 * @param stepsPerEpoch of a whole epoch
 * @param position where the run goes on; epoch 0, step 0 for a new one
 * @param history of the epochs before
 */
public record TrainingStart(
    Recipe recipe,
    Network network,
    String data,
    Plan plan,
    long trainingBytes,
    int stepsPerEpoch,
    Position position,
    History history) {}
