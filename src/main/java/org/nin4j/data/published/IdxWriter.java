package org.nin4j.data.published;

import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.data.file.PartialFile;

/** Writes data sets as gzipped IDX files, which {@link Idx} reads. */
public final class IdxWriter {

  private IdxWriter() {}

  /**
   * Writes the four files of a data set under the names that {@link PublishedDataset} reads.
   *
   * @param folder made where it is not there
   * @throws IllegalArgumentException if images have more than one channel
   * @throws UncheckedIOException if the folder already holds such files, gzipped or not, or a file
   *     cannot be written
   */
  public static void write(TrainTest data, Path folder) {
    requireHoldsNoData(folder);
    write(
        data.train(),
        folder.resolve(IdxDataset.TRAIN_IMAGES + ".gz"),
        folder.resolve(IdxDataset.TRAIN_LABELS + ".gz"));
    write(
        data.test(),
        folder.resolve(IdxDataset.TEST_IMAGES + ".gz"),
        folder.resolve(IdxDataset.TEST_LABELS + ".gz"));
  }

  /**
   * Checks that writing a data set into a folder would replace nothing and leave no doubt which
   * files count.
   *
   * @throws UncheckedIOException if the folder holds files of a data set
   */
  public static void requireHoldsNoData(Path folder) {
    // All published data sets have files of the same names.
    for (PublishedFile file : IdxDataset.FASHION_MNIST.files()) {
      Optional<Path> found = IdxDataset.FASHION_MNIST.find(folder, file);
      if (found.isPresent()) {
        throw new UncheckedIOException(
            found.get() + " stands there already and is not replaced; name another folder",
            new FileAlreadyExistsException(found.get().toString()));
      }
    }
  }

  /**
   * Writes one set into a file of images and a file of labels.
   *
   * @throws IllegalArgumentException if images have more than one channel
   * @throws UncheckedIOException if a file cannot be written
   */
  public static void write(ImageDataset data, Path imageFile, Path labelFile) {
    if (data.channels() != 1) {
      throw new IllegalArgumentException(
          "IDX files of images have one channel; " + data.name() + " has " + data.channels());
    }
    int[] imagesHeader = {Idx.IMAGES_MAGIC, data.count(), data.height(), data.width()};
    write(imageFile, imagesHeader, data.pixels());
    write(labelFile, new int[] {Idx.LABELS_MAGIC, data.count()}, data.labels());
  }

  private static void write(Path file, int[] header, ByteBuffer bytes) {
    try (PartialFile partial = PartialFile.create(file)) {
      GZIPOutputStream gzip = new GZIPOutputStream(partial.stream(), 1 << 16);
      DataOutputStream out = new DataOutputStream(gzip);
      for (int integer : header) {
        out.writeInt(integer);
      }
      Channels.newChannel(out).write(bytes);
      out.flush();
      gzip.finish();
      partial.commit();
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be written: " + PartialFile.reason(e), e);
    }
  }
}
