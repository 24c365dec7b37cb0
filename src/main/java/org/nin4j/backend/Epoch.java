package org.nin4j.backend;

/**
 * What the runs of an epoch take.
 *
 * @param seed of dropout and augmentation
 * @param firstStep number of the epoch's first step, counted over the whole training
 * @param order sample numbers, run after run; −1 for a place that holds no sample: a multiple of
 *     the batch size long
 * @param learningRates one for each run; ignored where nothing is updated
 */
public record Epoch(long seed, int firstStep, int[] order, float[] learningRates) {}
