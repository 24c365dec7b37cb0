package org.nin4j.data.published;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.nin4j.data.DataException;
import org.nin4j.data.DataMissingException;
import org.nin4j.data.TrainTest;
import org.nin4j.data.file.Md5;
import org.nin4j.data.file.PartialFile;
import org.nin4j.text.Text;

/** Finds a published data set on this machine, else gets it, and reads it. */
public final class DatasetLoader {

  private final DataLocations locations;
  private final Downloader downloader;
  private final Optional<AptGet> aptGet;

  /** A loader that downloads what is missing. */
  public DatasetLoader(DataLocations locations, Downloader downloader) {
    this(locations, downloader, Optional.empty());
  }

  /** A loader that downloads what is missing, and takes it from its package where that fails. */
  public DatasetLoader(DataLocations locations, Downloader downloader, Optional<AptGet> aptGet) {
    this.locations = locations;
    this.downloader = downloader;
    this.aptGet = aptGet;
  }

  /**
   * Reads a data set from the first of the {@link DataLocations} that holds it; else gets it into
   * the cache: by download, else from the Debian package that holds it. A folder that a user named
   * may hold any files of the right form, for example a part of the set; elsewhere they must be the
   * published ones, in whatever gzip.
   *
   * @throws DataMissingException if the set is in no location and cannot be got
   * @throws DataException if {@code --data} names a folder without it, or what is found cannot be
   *     used
   * @throws UncheckedIOException if a file or folder cannot be read, or the cache not be written
   */
  public TrainTest load(PublishedDataset dataset, DownloadListener listener) {
    return dataset.read(locate(dataset, listener));
  }

  /** The folder with the data set's files, after getting them if need be. */
  private Path locate(PublishedDataset dataset, DownloadListener listener) {
    if (locations.option().isPresent()) {
      Path named = locations.option().get();
      return complete(dataset, named)
          .orElseThrow(
              () ->
                  new DataException(
                      Text.of(
                          "%s holds no %s: %s expected there or in %s, gzipped or unpacked",
                          named,
                          dataset.name(),
                          files(dataset) + (dataset.files().size() == 1 ? " is" : " are"),
                          dataset.placesIn(Path.of("")).stream()
                              .map(Path::toString)
                              .filter(place -> !place.isEmpty())
                              .collect(Collectors.joining(", ")))));
    }
    return locations
        .environment()
        .flatMap(named -> complete(dataset, named))
        .or(() -> published(dataset))
        .orElseGet(() -> fetched(dataset, listener));
  }

  /**
   * The place in the folder that has all files.
   *
   * @throws DataException if there are some of the files, or those of another data set
   */
  private static Optional<Path> complete(PublishedDataset dataset, Path named) {
    for (Path folder : dataset.placesIn(named)) {
      requireAccess(folder);
      List<PublishedFile> missing = dataset.missingFrom(folder);
      if (missing.isEmpty()) {
        checkIsNotAnother(dataset, folder);
        return Optional.of(folder);
      }
      if (missing.size() < dataset.files().size()) {
        throw new DataException(
            Text.of(
                "%s holds only some files of %s: %s %s missing",
                folder, dataset.name(), names(missing), missing.size() == 1 ? "is" : "are"));
      }
    }
    return Optional.empty();
  }

  /** In a folder that may not be entered, every file looks as if it were not there. */
  private static void requireAccess(Path folder) {
    if (Files.isDirectory(folder) && !Files.isExecutable(folder)) {
      throw PartialFile.unreadable(folder, new AccessDeniedException(folder.toString()));
    }
  }

  /** Some data sets have files of the same names and sizes; the label files tell them apart. */
  private static void checkIsNotAnother(PublishedDataset dataset, Path folder) {
    Optional<Path> found = dataset.find(folder, dataset.signature());
    if (found.isEmpty() || !Files.isRegularFile(found.get())) {
      return; // Reading it says what is wrong.
    }
    Path signature = found.get();
    for (PublishedDataset other : PublishedDataset.all()) {
      if (!other.id().equals(dataset.id())
          && other.signature().name().equals(dataset.signature().name())
          && other.signature().isSameAs(signature)) {
        throw new DataException(
            Text.of("%s holds %s, not %s", folder, other.name(), dataset.name()));
      }
    }
  }

  /** The cache or a folder of installed packages, whichever has all of the published files. */
  private Optional<Path> published(PublishedDataset dataset) {
    Path cache = cache(dataset);
    if (dataset.missingFrom(cache).isEmpty()) {
      checkIsPublished(
          dataset, cache, "Delete it to have it downloaded again; to train on it as it is,");
      return Optional.of(cache);
    }
    for (Path base : locations.installed()) {
      Path folder = base.resolve(dataset.id());
      if (dataset.missingFrom(folder).isEmpty()) {
        checkIsPublished(dataset, folder, "Install its package again; to train on it as it is,");
        return Optional.of(folder);
      }
    }
    return Optional.empty();
  }

  private Path cache(PublishedDataset dataset) {
    return locations.cache().resolve(dataset.id());
  }

  /** Checks those of the files that are in the folder. */
  private static void checkIsPublished(PublishedDataset dataset, Path folder, String remedy) {
    for (PublishedFile file : dataset.files()) {
      Optional<Path> found = dataset.find(folder, file);
      if (found.isPresent() && !file.isSameAs(found.get())) {
        throw new DataException(
            Text.of(
                "%s is not the file published with %s: its MD5 is %s, not %s. %s name its folder"
                    + " with --data.",
                found.get(), dataset.name(), Md5.of(found.get()), file.md5(), remedy));
      }
    }
  }

  /** The cache, once what it lacks is got. */
  private Path fetched(PublishedDataset dataset, DownloadListener listener) {
    Path folder = cache(dataset);
    checkIsPublished(
        dataset, folder, "Delete it to have it downloaded again; to train on it as it is,");
    try {
      for (PublishedFile file : dataset.missingFrom(folder)) {
        downloader.fetch(file, dataset.mirrors(), folder.resolve(file.name()), listener);
      }
    } catch (DataMissingException e) {
      takeFromPackage(dataset, e.getMessage(), listener);
    }
    return folder;
  }

  private void takeFromPackage(
      PublishedDataset dataset, String downloadFailure, DownloadListener listener) {
    if (aptGet.isEmpty() || dataset.debianPackage().isEmpty()) {
      throw missing(dataset, downloadFailure);
    }
    String debianPackage = dataset.debianPackage().get();
    listener.turnedToPackage(dataset.name(), downloadFailure, debianPackage);
    try {
      aptGet
          .get()
          .unpack(
              debianPackage,
              root -> takeMissing(dataset, root.resolve("usr/share/datasets/" + dataset.id())));
    } catch (DataMissingException e) {
      throw missing(
          dataset, downloadFailure + "; package " + debianPackage + ": " + e.getMessage());
    }
  }

  private void takeMissing(PublishedDataset dataset, Path from) throws IOException {
    Path folder = cache(dataset);
    for (PublishedFile file : dataset.missingFrom(folder)) {
      Path found =
          dataset
              .find(from, file)
              .filter(file::isSameAs)
              .orElseThrow(
                  () -> new DataMissingException("it does not hold the published " + file.name()));
      try (PartialFile partial = PartialFile.create(folder.resolve(found.getFileName()))) {
        Files.copy(found, partial.stream());
        partial.commit();
      }
    }
  }

  private DataMissingException missing(PublishedDataset dataset, String reasons) {
    String environment =
        locations.environment().map(named -> ", not in NIN4J_DATA (" + named + ")").orElse("");
    return new DataMissingException(
        Text.of(
            "%s is not on this machine%s and cannot be downloaded (%s). Put %s into"
                + " %s, or name that folder with --data or NIN4J_DATA.",
            dataset.name(), environment, reasons, files(dataset), cache(dataset)));
  }

  private static String files(PublishedDataset dataset) {
    return (dataset.files().size() == 1 ? "the file " : "the files ") + names(dataset.files());
  }

  private static String names(List<PublishedFile> files) {
    return files.stream().map(PublishedFile::name).collect(Collectors.joining(", "));
  }
}
