package org.nin4j.data.published;

import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.nin4j.data.TrainTest;

/** A data set whose files have addresses and known MD5 sums. */
public sealed interface PublishedDataset permits IdxDataset, CifarDataset {

  /** The data sets known by name. */
  static List<PublishedDataset> all() {
    return List.of(
        IdxDataset.FASHION_MNIST, IdxDataset.MNIST, CifarDataset.CIFAR_10, CifarDataset.CIFAR_100);
  }

  /** Its name in options and folders. */
  String id();

  /** The name shown. */
  String name();

  /** Number of classes. */
  int classes();

  /** The files it is published as. */
  List<PublishedFile> files();

  /** The file that tells it from other data sets with files of the same names. */
  PublishedFile signature();

  /** Where the files are published, each address ending in a slash; tried in turn. */
  List<URI> mirrors();

  /**
   * The package of Debian and Ubuntu that holds the files, in {@code /usr/share/datasets/<id>}; of
   * many data sets there is none.
   */
  Optional<String> debianPackage();

  /** The places in a folder where the files may lie. */
  List<Path> placesIn(Path folder);

  /**
   * Reads the data set from a folder with its files. What they are is checked, but not that they
   * are the published ones.
   *
   * @throws org.nin4j.data.DataException if a file is missing or damaged or the files do not fit
   *     together
   * @throws java.io.UncheckedIOException if a file cannot be read
   */
  TrainTest read(Path folder);

  /** The file as it lies in the folder: packed if it is there in several forms. */
  default Optional<Path> find(Path folder, PublishedFile file) {
    return file.names().stream().map(folder::resolve).filter(Files::exists).findFirst();
  }

  /** Those of the files that a folder does not hold in any of their forms. */
  default List<PublishedFile> missingFrom(Path folder) {
    return files().stream().filter(file -> find(folder, file).isEmpty()).toList();
  }
}
