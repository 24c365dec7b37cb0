package org.nin4j.data.folder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.data.DataException;
import org.nin4j.data.Split;
import org.nin4j.data.folder.Listing.Entry;
import org.nin4j.text.Text;

/** Which files are taken for what; they need not be pictures yet. */
class ListingTest {
  private static final Optional<Split> UNDIVIDED = Optional.empty();

  @TempDir private Path folder;

  private void files(String in, int count) throws IOException {
    Path of = Files.createDirectories(folder.resolve(in));
    for (int i = 0; i < count; i++) {
      Files.writeString(of.resolve(Text.of("%03d.png", i)), "x");
    }
  }

  private static Optional<Split> split(double share, long seed) {
    return Optional.of(new Split(share, seed));
  }

  private List<String> names(List<Entry> entries) {
    return entries.stream().map(e -> folder.relativize(e.file()).toString()).toList();
  }

  private String refused(Optional<Split> split) {
    return assertThrows(DataException.class, () -> Listing.of(folder, split)).getMessage();
  }

  @Test
  void classesAreSortedAndTakenInTurns() throws IOException {
    files("train/b", 2);
    files("train/a", 4);
    files("test/a", 1);
    files("test/b", 1);
    Listing listing = Listing.of(folder, UNDIVIDED);
    assertEquals(List.of("a", "b"), listing.classes());
    // At 1/8, 3/8, 5/8, 7/8 of the way and at 1/4, 3/4.
    assertEquals(
        List.of(
            "train/a/000.png",
            "train/b/000.png",
            "train/a/001.png",
            "train/a/002.png",
            "train/b/001.png",
            "train/a/003.png"),
        names(listing.train()));
    assertEquals(List.of("test/a/000.png", "test/b/000.png"), names(listing.test()));
    assertEquals(List.of(0, 1), listing.test().stream().map(Entry::label).toList());
    assertEquals(folder.getFileName().toString(), listing.name());
    assertEquals(0, listing.ignored());
  }

  @Test
  void otherFilesAreCounted() throws IOException {
    files("train/a", 1);
    files("train/b", 1);
    files("test/a", 1);
    files("test/b", 1);
    Files.writeString(folder.resolve("train/a/.hidden.png"), "x");
    Files.writeString(folder.resolve("train/b/notes.txt"), "x");
    Files.createDirectory(folder.resolve("train/a/folder.png"));
    Files.createDirectory(folder.resolve("test/.git"));
    Files.writeString(folder.resolve("test/README"), "x");
    Listing listing = Listing.of(folder, UNDIVIDED);
    assertEquals(5, listing.ignored());
    assertEquals(List.of("a", "b"), listing.classes());
    assertEquals(2, listing.train().size());
  }

  @Test
  void aSplitTakesItsShareOfEachClass() throws IOException {
    files("a", 40);
    files("b", 7);
    Listing one = Listing.of(folder, split(0.25, 1));
    assertEquals(10 + 2, one.test().size());
    assertEquals(10, one.test().stream().filter(e -> e.label() == 0).count());
    assertEquals(30 + 5, one.train().size());
    Set<String> all = new HashSet<>(names(one.train()));
    all.addAll(names(one.test()));
    assertEquals(47, all.size());
    // The same seed takes the same; another one others: by chance it would not once in 10^8 times.
    assertEquals(one, Listing.of(folder, split(0.25, 1)));
    assertNotEquals(
        Set.copyOf(names(one.test())),
        Set.copyOf(names(Listing.of(folder, split(0.25, 2)).test())));
  }

  /** Each picture is chosen in about its share of the seeds: 300 ± 5 standard deviations. */
  @Test
  void aSplitPrefersNoPicture() throws IOException {
    files("a", 10);
    files("b", 2);
    int[] chosen = new int[10];
    for (int seed = 0; seed < 1000; seed++) {
      for (Entry e : Listing.of(folder, split(0.3, seed)).test()) {
        if (e.label() == 0) {
          chosen[Integer.parseInt(e.file().getFileName().toString().substring(0, 3))]++;
        }
      }
    }
    for (int times : chosen) {
      assertEquals(300, times, 5 * Math.sqrt(1000 * 0.3 * 0.7));
    }
  }

  @Test
  void aSplitLeavesNoClassWithoutImages() throws IOException {
    files("a", 40);
    files("few", 4);
    String message = refused(split(0.1, 1));
    assertEquals(
        "--split 0.1 leaves the class few (4 pictures) without test images; try a larger share",
        message);
    message = refused(split(0.9, 1));
    assertTrue(message.contains("without training images; try a smaller share"), message);
    files("one", 1);
    message = refused(split(0.5, 1));
    assertTrue(message.contains("the class one (1 picture)"), message);
    assertTrue(message.endsWith("two pictures are the least"), message);
  }

  @Test
  void whatCannotBeDividedIsNamed() throws IOException {
    assertTrue(
        assertThrows(DataException.class, () -> Listing.of(folder.resolve("none"), UNDIVIDED))
            .getMessage()
            .startsWith("there is no folder "));
    assertTrue(refused(split(0.1, 1)).contains("no folder of a class"));
    files("train/a", 9);
    assertTrue(refused(UNDIVIDED).contains("holds train, but not test"));
    files("train/b", 9);
    files("test/a", 9);
    assertEquals(
        "the class b has no test images: there is no folder " + folder.resolve("test/b"),
        refused(UNDIVIDED));
    files("test/b", 1);
    files("test/c", 1);
    assertTrue(refused(UNDIVIDED).startsWith("the class c has no training images"));
    files("train/c", 1);
    Listing.of(folder, UNDIVIDED);
    assertTrue(refused(split(0.1, 1)).contains("divided into train and test already"));
    files("train/empty", 0);
    files("test/empty", 1);
    String message = refused(UNDIVIDED);
    assertTrue(
        message.startsWith(folder.resolve("train/empty") + " holds no picture (png, jpg"), message);
  }

  @Test
  void aNetworkHasFromTwoClassesOn() throws IOException {
    files("a", 9);
    assertTrue(refused(split(0.1, 1)).contains("one class only, a;"));
    assertTrue(refused(UNDIVIDED).contains("--split 0.1 takes a tenth"));
    for (int i = 0; i < 256; i++) {
      files("class" + i, 2);
    }
    assertTrue(refused(split(0.5, 1)).contains("holds 257 classes"));
  }

  @Test
  void theDigestTellsOtherPictures() throws IOException {
    files("a", 4);
    files("b", 4);
    Set<String> digests = new HashSet<>();
    digests.add(Listing.of(folder, split(0.25, 1)).digest());
    digests.add(Listing.of(folder, split(0.5, 1)).digest());
    Path file = folder.resolve("a/000.png");
    FileTime time = Files.getLastModifiedTime(file);
    Files.writeString(file, "longer");
    Files.setLastModifiedTime(file, time);
    digests.add(Listing.of(folder, split(0.25, 1)).digest());
    Files.setLastModifiedTime(file, FileTime.fromMillis(12345));
    digests.add(Listing.of(folder, split(0.25, 1)).digest());
    Files.move(folder.resolve("b/003.png"), folder.resolve("b/004.png"));
    digests.add(Listing.of(folder, split(0.25, 1)).digest());
    assertEquals(5, digests.size());
    String same = Listing.of(folder, split(0.25, 1)).digest();
    Files.writeString(folder.resolve("a/notes.txt"), "x");
    assertEquals(same, Listing.of(folder, split(0.25, 1)).digest());
  }

  @Test
  void whatIsLeftOutIsGone() throws IOException {
    files("a", 4);
    files("b", 4);
    Listing listing = Listing.of(folder, split(0.25, 1));
    List<Entry> ofA =
        listing.train().stream().filter(e -> e.label() == 0).collect(Collectors.toList());
    Entry last = ofA.remove(0);
    Listing less = listing.without(ofA);
    less.requireEachClass();
    assertEquals(1 + 3, less.train().size());
    Listing none = less.without(List.of(last));
    String message = assertThrows(DataException.class, none::requireEachClass).getMessage();
    assertTrue(message.endsWith("the class a has no training images left"), message);
  }
}
