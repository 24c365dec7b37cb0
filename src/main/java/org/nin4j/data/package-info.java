/**
 * Data sets of labelled images: read, found, downloaded, drawn, written.
 *
 * <p>{@link org.nin4j.data.ImageDataset} holds one set as bytes, {@link org.nin4j.data.TrainTest}
 * the pair that a training run needs. Pairs come from {@link
 * org.nin4j.data.published.DatasetLoader} (a {@link org.nin4j.data.published.PublishedDataset} such
 * as Fashion-MNIST, found on this machine or downloaded), from {@link
 * org.nin4j.data.folder.FolderLoader} (pictures of one's own) or from {@link
 * org.nin4j.data.shapes.Shapes} (drawn by the program). Whatever is wrong with the data is reported
 * as a {@link org.nin4j.data.DataException}.
 */
package org.nin4j.data;
