/**
 * NiN4J on Apache Spark: {@link org.nin4j.spark.NinEstimator} trains, {@link
 * org.nin4j.spark.NinModel} predicts. How many train together is read in {@link
 * org.nin4j.spark.NinEstimator#fit}, from top to bottom; what a round is, in {@code
 * org.nin4j.train.rounds}. All that travels does so by Spark.
 */
package org.nin4j.spark;
