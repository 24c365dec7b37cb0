/**
 * Training by many: a round is divided into tasks that know nothing of each other, each a pure
 * function of what all are told, its number and the samples. Who computes them, where and how
 * often, changes no bit of the result.
 *
 * <p>To the trainer this is a {@link org.nin4j.train.rounds.RoundsBackend backend} like any other.
 */
package org.nin4j.train.rounds;
