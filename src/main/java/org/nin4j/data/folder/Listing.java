package org.nin4j.data.folder;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.nin4j.data.DataException;
import org.nin4j.data.Split;
import org.nin4j.data.file.PartialFile;
import org.nin4j.data.picture.ImageFile;
import org.nin4j.text.Text;

/**
 * The pictures of a folder, not read yet. Each set goes round its classes in proportion to their
 * pictures, so that its first images, too, are of all classes; within a class by file name.
 *
 * @param folder what was listed
 * @param classes names of the class folders, sorted
 * @param train to train with
 * @param test to test with
 * @param ignored files that are hidden or no pictures by their names
 */
record Listing(
    Path folder, List<String> classes, List<Entry> train, List<Entry> test, int ignored) {
  private static final String TRAIN = "train";
  private static final String TEST = "test";
  private static final int MOST_CLASSES = 256;

  /**
   * A picture.
   *
   * @param size in bytes
   * @param modified time in milliseconds
   */
  record Entry(Path file, int label, long size, long modified) {}

  Listing {
    classes = List.copyOf(classes);
    train = List.copyOf(train);
    test = List.copyOf(test);
  }

  /** One folder of class folders. */
  private record Classes(List<String> names, List<List<Entry>> pictures, int ignored) {}

  /**
   * Lists a folder.
   *
   * @param split how a folder without {@code train} and {@code test} is divided
   * @throws DataException if it holds no pictures in such an order
   * @throws java.io.UncheckedIOException if a folder cannot be read
   */
  static Listing of(Path folder, Optional<Split> split) {
    if (!Files.isDirectory(folder)) {
      throw new DataException(
          Files.exists(folder)
              ? folder + " is no folder; name one with a folder of pictures for each class"
              : "there is no folder " + folder);
    }
    boolean train = Files.isDirectory(folder.resolve(TRAIN));
    boolean test = Files.isDirectory(folder.resolve(TEST));
    if (train && test) {
      if (split.isPresent()) {
        throw new DataException(
            folder + " is divided into train and test already; leave out --split");
      }
      return divided(folder);
    }
    if (split.isEmpty()) {
      throw new DataException(
          train
              ? Text.of(
                  "%s holds train, but not test; add it, or take a tenth of train with --dataset folder:%s --split 0.1",
                  folder, folder.resolve(TRAIN))
              : Text.of(
                  "%s is not divided into folders train and test; --split 0.1 takes a tenth of each class to test with",
                  folder));
    }
    return split(folder, split.get());
  }

  private static Listing divided(Path folder) {
    Classes train = classes(folder.resolve(TRAIN));
    Classes test = classes(folder.resolve(TEST));
    requireAll(folder.resolve(TEST), "test", train.names(), test.names());
    requireAll(folder.resolve(TRAIN), "training", test.names(), train.names());
    requireNumber(folder.resolve(TRAIN), train.names());
    return new Listing(
        folder,
        train.names(),
        interleaved(train.pictures()),
        interleaved(test.pictures()),
        train.ignored() + test.ignored());
  }

  private static void requireAll(
      Path folder, String what, List<String> wanted, List<String> present) {
    for (String name : wanted) {
      if (!present.contains(name)) {
        throw new DataException(
            Text.of(
                "the class %s has no %s images: there is no folder %s",
                name, what, folder.resolve(name)));
      }
    }
  }

  private static Listing split(Path folder, Split split) {
    Classes all = classes(folder);
    requireNumber(folder, all.names());
    List<List<Entry>> train = new ArrayList<>();
    List<List<Entry>> test = new ArrayList<>();
    for (int label = 0; label < all.names().size(); label++) {
      List<Entry> pictures = all.pictures().get(label);
      int count = pictures.size();
      int chosen = (int) Math.round(split.share() * count);
      if (chosen == 0 || chosen == count) {
        throw new DataException(
            Text.of(
                "--split %s leaves the class %s (%d %s) without %s images; %s",
                split.share(),
                all.names().get(label),
                count,
                count == 1 ? "picture" : "pictures",
                chosen == 0 ? "test" : "training",
                count == 1
                    ? "two pictures are the least"
                    : "try a " + (chosen == 0 ? "larger" : "smaller") + " share"));
      }
      boolean[] forTesting = split.choose(count, label);
      train.add(new ArrayList<>());
      test.add(new ArrayList<>());
      for (int i = 0; i < count; i++) {
        (forTesting[i] ? test : train).get(label).add(pictures.get(i));
      }
    }
    return new Listing(folder, all.names(), interleaved(train), interleaved(test), all.ignored());
  }

  /** Picture k of a class with n comes at (k + ½) / n of the way. */
  private static List<Entry> interleaved(List<List<Entry>> classes) {
    record Placed(double at, Entry entry) {}
    List<Placed> placed = new ArrayList<>();
    for (List<Entry> pictures : classes) {
      for (int k = 0; k < pictures.size(); k++) {
        placed.add(new Placed((k + 0.5) / pictures.size(), pictures.get(k)));
      }
    }
    // The sort is stable: of pictures at the same place, the lower label's comes first.
    return placed.stream()
        .sorted(Comparator.comparingDouble(Placed::at))
        .map(Placed::entry)
        .toList();
  }

  private static Classes classes(Path folder) {
    List<Path> folders = new ArrayList<>();
    int ignored = 0;
    for (Path path : sorted(folder)) {
      if (!isHidden(path) && Files.isDirectory(path)) {
        folders.add(path);
      } else {
        ignored++;
      }
    }
    List<String> names = folders.stream().map(f -> f.getFileName().toString()).toList();
    List<List<Entry>> pictures = new ArrayList<>();
    for (Path of : folders) {
      List<Entry> entries = new ArrayList<>();
      for (Path file : sorted(of)) {
        Optional<Entry> entry = entry(file, pictures.size());
        entry.ifPresent(entries::add);
        ignored += entry.isPresent() ? 0 : 1;
      }
      if (entries.isEmpty()) {
        throw new DataException(
            Text.of(
                "%s holds no picture (%s); fill the class's folder, or remove it",
                of, String.join(", ", ImageFile.ENDINGS)));
      }
      pictures.add(entries);
    }
    return new Classes(names, pictures, ignored);
  }

  private static void requireNumber(Path folder, List<String> classes) {
    if (classes.size() < 2 || classes.size() > MOST_CLASSES) {
      String found =
          switch (classes.size()) {
            case 0 -> "no folder of a class";
            case 1 -> "one class only, " + classes.get(0);
            default -> classes.size() + " classes";
          };
      throw new DataException(
          Text.of(
              "%s holds %s; a folder of pictures for each of 2 to %d classes is expected",
              folder, found, MOST_CLASSES));
    }
  }

  private static Optional<Entry> entry(Path file, int label) {
    if (isHidden(file) || !ImageFile.isNamedSo(file)) {
      return Optional.empty();
    }
    try {
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      return attributes.isRegularFile()
          ? Optional.of(
              new Entry(file, label, attributes.size(), attributes.lastModifiedTime().toMillis()))
          : Optional.empty();
    } catch (IOException e) {
      throw PartialFile.unreadable(file, e);
    }
  }

  private static boolean isHidden(Path file) {
    return file.getFileName().toString().startsWith(".");
  }

  private static List<Path> sorted(Path folder) {
    try (Stream<Path> all = Files.list(folder)) {
      return all.sorted(Comparator.comparing(f -> f.getFileName().toString())).toList();
    } catch (IOException e) {
      throw PartialFile.unreadable(folder, e);
    }
  }

  /** The name shown: that of the folder. */
  String name() {
    Path name = folder.toAbsolutePath().normalize().getFileName();
    return name == null ? folder.toString() : name.toString();
  }

  /** Training pictures, then test pictures. */
  List<Entry> all() {
    return Stream.concat(train.stream(), test.stream()).toList();
  }

  /** The same without some pictures. */
  Listing without(List<Entry> pictures) {
    Set<Path> files = pictures.stream().map(Entry::file).collect(Collectors.toSet());
    return new Listing(
        folder,
        classes,
        train.stream().filter(e -> !files.contains(e.file())).toList(),
        test.stream().filter(e -> !files.contains(e.file())).toList(),
        ignored);
  }

  /**
   * Checks that each class has pictures in both sets.
   *
   * @throws DataException if not
   */
  void requireEachClass() {
    for (int label = 0; label < classes.size(); label++) {
      requireOne(label, train, "training");
      requireOne(label, test, "test");
    }
  }

  private void requireOne(int label, List<Entry> set, String what) {
    if (set.stream().noneMatch(e -> e.label() == label)) {
      throw new DataException(
          Text.of("%s: the class %s has no %s images left", folder, classes.get(label), what));
    }
  }

  /** SHA-256 of which files are there, of what size and time, for what: another text for others. */
  String digest() {
    MessageDigest digest = sha256();
    update(digest, TRAIN, train);
    update(digest, TEST, test);
    return HexFormat.of().formatHex(digest.digest());
  }

  private void update(MessageDigest digest, String what, List<Entry> set) {
    for (Entry e : set) {
      // No file name holds a 0, so none can look like two.
      String line =
          Text.of(
              "%s %d %d %d %s\0",
              what, e.label(), e.size(), e.modified(), folder.relativize(e.file()));
      digest.update(line.getBytes(StandardCharsets.UTF_8));
    }
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }
}
