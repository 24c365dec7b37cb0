package org.nin4j.data;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Finds a published data set on this machine, else downloads it, and reads it. */
public final class DatasetLoader {

  private final DataLocations locations;
  private final Downloader downloader;

  public DatasetLoader(DataLocations locations, Downloader downloader) {
    this.locations = locations;
    this.downloader = downloader;
  }

  /**
   * Reads a data set from the first of the {@link DataLocations} that holds it; else downloads it
   * into the cache. A folder that a user named may hold any files of the right form, for example a
   * part of the set; in the cache they must be the published ones.
   *
   * @throws DataMissingException if the set is in no location and cannot be downloaded
   * @throws DataException if {@code --data} names a folder without it, or what is found cannot be
   *     used
   */
  public TrainTest load(PublishedDataset dataset, DownloadListener listener) {
    return dataset.read(locate(dataset, listener));
  }

  /** The folder with the data set's four files, after downloading them if need be. */
  private Path locate(PublishedDataset dataset, DownloadListener listener) {
    if (locations.option().isPresent()) {
      Path named = locations.option().get();
      return complete(dataset, named)
          .orElseThrow(
              () ->
                  new DataException(
                      String.format(
                          "%s holds no %s: the files %s are expected there",
                          named, dataset.name(), names(dataset.files()))));
    }
    Optional<Path> found = locations.environment().flatMap(named -> complete(dataset, named));
    return found.orElseGet(() -> cached(dataset, listener));
  }

  /**
   * The folder itself or the folder of the data set's name in it, whichever has all four files.
   *
   * @throws DataException if there are some of the files, or those of another data set
   */
  private static Optional<Path> complete(PublishedDataset dataset, Path named) {
    for (Path folder : List.of(named.resolve(dataset.id()), named)) {
      List<PublishedFile> missing = dataset.missingFrom(folder);
      if (missing.isEmpty()) {
        checkIsNotAnother(dataset, folder);
        return Optional.of(folder);
      }
      if (missing.size() < dataset.files().size()) {
        throw new DataException(
            String.format(
                "%s holds only some files of %s: %s %s missing",
                folder, dataset.name(), names(missing), missing.size() == 1 ? "is" : "are"));
      }
    }
    return Optional.empty();
  }

  /**
   * All these data sets have files of the same names and sizes; the label files tell them apart.
   */
  private static void checkIsNotAnother(PublishedDataset dataset, Path folder) {
    Path labels = folder.resolve(dataset.trainLabels().name());
    if (!Files.isRegularFile(labels)) {
      return;
    }
    String md5 = Md5.of(labels);
    for (PublishedDataset other : PublishedDataset.ALL) {
      if (other.trainLabels().md5().equals(md5) && !other.id().equals(dataset.id())) {
        throw new DataException(
            String.format("%s holds %s, not %s", folder, other.name(), dataset.name()));
      }
    }
  }

  private Path cached(PublishedDataset dataset, DownloadListener listener) {
    Path folder = locations.cache().resolve(dataset.id());
    for (PublishedFile file : dataset.files()) {
      Path path = folder.resolve(file.name());
      if (Files.exists(path)) {
        checkIsPublished(dataset, file, path);
      } else {
        download(dataset, file, path, listener);
      }
    }
    return folder;
  }

  private static void checkIsPublished(PublishedDataset dataset, PublishedFile file, Path path) {
    String md5 = Md5.of(path);
    if (!md5.equals(file.md5())) {
      throw new DataException(
          String.format(
              "%s is not the file published with %s: its MD5 is %s, not %s. Delete it to have it"
                  + " downloaded again; to train on it as it is, name its folder with --data.",
              path, dataset.name(), md5, file.md5()));
    }
  }

  private void download(
      PublishedDataset dataset, PublishedFile file, Path path, DownloadListener listener) {
    try {
      downloader.fetch(file, dataset.mirrors(), path, listener);
    } catch (DataMissingException e) {
      String environment =
          locations.environment().map(named -> ", not in NIN4J_DATA (" + named + ")").orElse("");
      throw new DataMissingException(
          String.format(
              "%s is not on this machine%s and cannot be downloaded (%s). Put the files %s into"
                  + " %s, or name their folder with --data or NIN4J_DATA.",
              dataset.name(),
              environment,
              e.getMessage(),
              names(dataset.files()),
              path.getParent()));
    }
  }

  private static String names(List<PublishedFile> files) {
    return files.stream().map(PublishedFile::name).collect(Collectors.joining(", "));
  }
}
