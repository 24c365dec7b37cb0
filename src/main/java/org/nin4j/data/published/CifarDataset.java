package org.nin4j.data.published;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.nin4j.data.DataException;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.data.file.PartialFile;
import org.nin4j.text.Text;

/**
 * A data set that is published in the binary form of CIFAR: files of records, each of one or two
 * bytes for labels, of which the last counts, and 3 × 32 × 32 pixels, red, green, blue; and a file
 * with the classes' names, one a line. All are in one archive, {@code .tar.gz}. Source: <a
 * href="https://www.cs.toronto.edu/~kriz/cifar.html">its publisher's page</a>.
 *
 * @param id its name in options and folders
 * @param name the name shown
 * @param classes number of classes
 * @param archive the published archive
 * @param layout what is in it
 * @param mirrors where it is published, each address ending in a slash; tried in turn
 */
public record CifarDataset(
    String id, String name, int classes, PublishedFile archive, Layout layout, List<URI> mirrors)
    implements PublishedDataset {
  private static final URI ORIGIN = URI.create("https://www.cs.toronto.edu/~kriz/");

  private static final int CHANNELS = 3;
  private static final int SIDE = 32;
  private static final int IMAGE = CHANNELS * SIDE * SIDE;
  private static final int GZIP_MAGIC = 0x1f8b;

  /** No file of these archives has half of it. */
  private static final int MOST_FILE_BYTES = 1 << 28;

  /** 50,000 and 10,000 photographs in 10 classes, colour, 32×32 (Krizhevsky 2009). */
  public static final CifarDataset CIFAR_10 =
      new CifarDataset(
          "cifar-10",
          "CIFAR-10",
          10,
          new PublishedFile("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"),
          new Layout(
              "cifar-10-batches-bin",
              List.of(
                  "data_batch_1.bin",
                  "data_batch_2.bin",
                  "data_batch_3.bin",
                  "data_batch_4.bin",
                  "data_batch_5.bin"),
              "test_batch.bin",
              "batches.meta.txt",
              1),
          List.of(ORIGIN));

  /** The same number of photographs in 100 classes: the fine labels (Krizhevsky 2009). */
  public static final CifarDataset CIFAR_100 =
      new CifarDataset(
          "cifar-100",
          "CIFAR-100",
          100,
          new PublishedFile("cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8"),
          new Layout(
              "cifar-100-binary", List.of("train.bin"), "test.bin", "fine_label_names.txt", 2),
          List.of(ORIGIN));

  /**
   * What an archive holds.
   *
   * @param folder the folder that it unpacks to
   * @param train files of training images
   * @param test the file of test images
   * @param names the file with the classes' names
   * @param labels bytes before the pixels of an image
   */
  public record Layout(String folder, List<String> train, String test, String names, int labels) {
    /** Copies the list. */
    public Layout {
      train = List.copyOf(train);
    }

    private Set<String> files() {
      Set<String> files = new TreeSet<>(train);
      files.addAll(List.of(test, names));
      return files;
    }
  }

  /** Copies the list. */
  public CifarDataset {
    mirrors = List.copyOf(mirrors);
  }

  @Override
  public List<PublishedFile> files() {
    return List.of(archive);
  }

  @Override
  public PublishedFile signature() {
    return archive;
  }

  @Override
  public Optional<String> debianPackage() {
    return Optional.empty();
  }

  @Override
  public List<Path> placesIn(Path folder) {
    return List.of(folder.resolve(id), folder);
  }

  /** The archive, gzipped or not, or the folder that it unpacks to. */
  @Override
  public Optional<Path> find(Path folder, PublishedFile file) {
    return PublishedDataset.super
        .find(folder, file)
        .or(() -> Optional.of(folder.resolve(layout.folder())).filter(Files::isDirectory));
  }

  @Override
  public TrainTest read(Path folder) {
    Path found =
        find(folder, archive)
            .orElseThrow(
                () -> new DataException(folder.resolve(archive.name()) + " does not exist"));
    Map<String, byte[]> files = Files.isDirectory(found) ? ofFolder(found) : ofArchive(found);
    for (String wanted : layout.files()) {
      if (!files.containsKey(wanted)) {
        throw new DataException(
            Text.of("%s holds no %s; it is not %s in its binary form", found, wanted, name));
      }
    }
    List<String> classNames = classNames(found, files.get(layout.names()));
    ByteArrayOutputStream train = new ByteArrayOutputStream();
    for (String file : layout.train()) {
      requireRecords(found, file, files.get(file));
      train.writeBytes(files.get(file));
    }
    requireRecords(found, layout.test(), files.get(layout.test()));
    return new TrainTest(
        set(found, classNames, train.toByteArray()),
        set(found, classNames, files.get(layout.test())),
        found.toString());
  }

  private List<String> classNames(Path found, byte[] text) {
    List<String> classNames =
        new String(text, StandardCharsets.UTF_8).lines().filter(line -> !line.isBlank()).toList();
    if (classNames.size() != classes) {
      throw new DataException(
          Text.of(
              "%s: %s names %d classes, not %d",
              found, layout.names(), classNames.size(), classes));
    }
    return classNames;
  }

  private void requireRecords(Path found, String file, byte[] bytes) {
    int record = layout.labels() + IMAGE;
    if (bytes.length == 0 || bytes.length % record != 0) {
      throw new DataException(
          Text.of(
              "%s: %s has %d bytes, which is not a number of images of %d bytes each; get it anew",
              found, file, bytes.length, record));
    }
  }

  private ImageDataset set(Path found, List<String> classNames, byte[] records) {
    int record = layout.labels() + IMAGE;
    byte[] labels = new byte[records.length / record];
    byte[] pixels = new byte[labels.length * IMAGE];
    for (int i = 0; i < labels.length; i++) {
      int at = i * record + layout.labels();
      labels[i] = records[at - 1];
      if ((labels[i] & 0xff) >= classes) {
        throw new DataException(
            Text.of(
                "%s: label %d of image %d is out of range: %s has the classes 0 to %d",
                found, labels[i] & 0xff, i, name, classes - 1));
      }
      System.arraycopy(records, at, pixels, i * IMAGE, IMAGE);
    }
    return new ImageDataset(name, classNames, CHANNELS, SIDE, SIDE, pixels, labels);
  }

  private Map<String, byte[]> ofFolder(Path folder) {
    Map<String, byte[]> files = new HashMap<>();
    for (String file : layout.files()) {
      Path path = folder.resolve(file);
      try {
        if (Files.exists(path)) {
          files.put(file, Files.readAllBytes(path));
        }
      } catch (IOException e) {
        throw PartialFile.unreadable(path, e);
      }
    }
    return files;
  }

  private Map<String, byte[]> ofArchive(Path file) {
    try (InputStream raw = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
      raw.mark(2);
      boolean gzip = (raw.read() << 8 | raw.read()) == GZIP_MAGIC;
      raw.reset();
      return Tar.read(
          file, gzip ? new GZIPInputStream(raw, 1 << 16) : raw, layout.files(), MOST_FILE_BYTES);
    } catch (EOFException e) {
      throw new DataException(file + " is truncated; get it anew", e);
    } catch (ZipException e) {
      throw new DataException(
          Text.of("%s is damaged gzip (%s); get it anew", file, e.getMessage()), e);
    } catch (IOException e) {
      throw PartialFile.unreadable(file, e);
    }
  }
}
