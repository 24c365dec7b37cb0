/**
 * Data sets of labelled images: read, found, downloaded, drawn, written.
 *
 * <p>{@link org.nin4j.data.ImageDataset} holds one set as bytes, {@link org.nin4j.data.TrainTest}
 * the pair that a training run needs. Pairs come from {@link org.nin4j.data.DatasetLoader} (a
 * {@link org.nin4j.data.PublishedDataset} such as Fashion-MNIST, found on this machine or
 * downloaded) or from {@link org.nin4j.data.Shapes} (drawn by the program). Whatever is wrong with
 * the data is told as a {@link org.nin4j.data.DataException}.
 */
package org.nin4j.data;
