package org.nin4j.data.folder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.data.DataException;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.Split;
import org.nin4j.data.TrainTest;
import org.nin4j.tensor.BilinearResize;

class FolderLoaderTest {
  private static final StoredSize SIX = StoredSize.squareUnlessCommon(6);
  private static final long ALL_IN_MEMORY = Long.MAX_VALUE;

  @TempDir private Path temporary;
  private Path folder;
  private Path cache;
  private final Random random = new Random();
  private final List<String> remarks = new ArrayList<>();
  private int passes;

  private final FolderListener listener =
      new FolderListener() {
        private int last;

        @Override
        public void remarked(String line) {
          remarks.add(line);
        }

        @Override
        public void started(String dataset, int pictures) {
          passes++;
          last = 0;
        }

        @Override
        public void decoded(int pictures) {
          assertTrue(pictures >= last);
          last = pictures;
        }

        @Override
        public void ended() {}
      };

  @BeforeEach
  void begin() {
    long seed = System.nanoTime();
    System.out.println("pictures from seed " + seed);
    random.setSeed(seed);
    folder = temporary.resolve("things");
    cache = temporary.resolve("cache");
  }

  private TrainTest load(StoredSize size, boolean skipBad) {
    remarks.clear();
    passes = 0;
    return new FolderLoader(cache, 3, listener, ALL_IN_MEMORY)
        .load(folder, Optional.empty(), size, skipBad);
  }

  private Path file(String name) {
    return folder.resolve(name + ".png");
  }

  private static byte[] image(ImageDataset data, int index) {
    byte[] image = new byte[data.imageSize()];
    data.copyImage(index, image, 0);
    return image;
  }

  /** Two classes, one picture of each in the test set; returns the pixels in the order of names. */
  private List<byte[]> colours(int height, int width) throws IOException {
    List<byte[]> pixels = new ArrayList<>();
    for (String name : List.of("train/a/1", "train/b/1", "train/a/2", "test/a/1", "test/b/1")) {
      pixels.add(Pictures.colours(random, file(name), height, width));
    }
    return pixels;
  }

  @Test
  void picturesOfOneSizeAreKeptAsTheyAre() throws IOException {
    List<byte[]> pixels = colours(5, 9);
    Files.writeString(folder.resolve("train/a/notes.txt"), "x");
    TrainTest data = load(SIX, false);
    assertEquals("things: 3 images of 3×5×9 in 2 classes", data.train().toString());
    assertEquals("things: 2 images of 3×5×9 in 2 classes", data.test().toString());
    assertEquals(folder.toString(), data.origin());
    assertEquals(List.of("a", "b"), data.train().classNames());
    // At 1/4, 1/2 and 3/4 of the way.
    assertArrayEquals(pixels.get(0), image(data.train(), 0));
    assertArrayEquals(pixels.get(1), image(data.train(), 1));
    assertArrayEquals(pixels.get(2), image(data.train(), 2));
    assertArrayEquals(pixels.get(3), image(data.test(), 0));
    assertArrayEquals(pixels.get(4), image(data.test(), 1));
    assertEquals(1, data.train().label(1));
    assertTrue(
        remarks
            .get(0)
            .matches("things: 5 pictures in 2 classes, 3×5×9 as they are; decoded in [\\d.]+ s"),
        remarks::toString);
    assertEquals("things: 1 other or hidden file ignored", remarks.get(1));
    assertEquals(2, remarks.size());
    assertEquals(1, passes);
  }

  /** Each is cropped by hand here, then resized as the tested resize does. */
  @Test
  void picturesOfSeveralSizesBecomeSquares() throws IOException {
    colours(5, 5);
    byte[] wide = Pictures.colours(random, file("train/b/1"), 8, 13);
    byte[] high = Pictures.colours(random, file("test/b/1"), 20, 4);
    TrainTest data = load(SIX, false);
    assertEquals("things: 3 images of 3×6×6 in 2 classes", data.train().toString());
    assertArrayEquals(resized(wide, 8, 13, 0, 2, 8), image(data.train(), 1));
    assertArrayEquals(resized(high, 20, 4, 8, 0, 4), image(data.test(), 1));
    assertTrue(
        remarks.get(0).contains(", cropped at the centre and resized to 3×6×6; "),
        remarks::toString);
  }

  private static byte[] resized(byte[] planes, int height, int width, int top, int left, int side) {
    byte[] result = new byte[3 * 36];
    for (int c = 0; c < 3; c++) {
      byte[] part = new byte[side * side];
      for (int i = 0; i < part.length; i++) {
        part[i] = planes[(c * height + top + i / side) * width + left + i % side];
      }
      BilinearResize.of(side, side, 6, 6).resize(part, 0, result, 36 * c);
    }
    return result;
  }

  @Test
  void anExactSizeHoldsForAll() throws IOException {
    colours(5, 9);
    assertEquals(7, load(StoredSize.exactly(4, 7), false).test().width());
    assertEquals(9, load(SIX, false).test().width());
    // There are such by now, as they are.
    load(StoredSize.exactly(5, 9), false);
    assertEquals(0, passes);
  }

  @Test
  void greyIsOneChannelHoweverItIsStored() throws IOException {
    List<byte[]> pixels = new ArrayList<>();
    pixels.add(Pictures.grey(random, file("train/a/1"), 3, 4));
    pixels.add(Pictures.colourless(random, file("train/b/1"), 3, 4));
    pixels.add(Pictures.colourless(random, file("test/a/1"), 3, 4));
    pixels.add(Pictures.grey(random, file("test/b/1"), 3, 4));
    TrainTest data = load(SIX, false);
    assertEquals("things: 2 images of 1×3×4 in 2 classes", data.train().toString());
    assertArrayEquals(pixels.get(0), image(data.train(), 0));
    assertArrayEquals(pixels.get(1), image(data.train(), 1));
    assertArrayEquals(pixels.get(2), image(data.test(), 0));
    assertArrayEquals(pixels.get(3), image(data.test(), 1));
  }

  /** The first ones have no colour, so the pass begins again where one has. */
  @Test
  void colourlessPicturesMayStandAmongColouredOnes() throws IOException {
    Path first = file("train/a/1");
    byte[] plane = Pictures.colourless(random, first, 3, 4);
    byte[] colours = Pictures.colours(random, file("train/b/1"), 3, 4);
    Pictures.colourless(random, file("test/a/1"), 3, 4);
    Pictures.colourless(random, file("test/b/1"), 3, 4);
    TrainTest data = load(SIX, false);
    assertEquals(3, data.train().channels());
    assertArrayEquals(plane, Arrays.copyOfRange(image(data.train(), 0), 24, 36));
    assertArrayEquals(colours, image(data.train(), 1));
    assertEquals(2, passes);
  }

  @Test
  void oneGreyFileAmongColouredOnesIsNamed() throws IOException {
    colours(5, 5);
    Pictures.grey(random, file("train/a/odd"), 5, 5);
    String message = assertThrows(DataException.class, () -> load(SIX, false)).getMessage();
    assertEquals(
        file("train/a/odd")
            + " has one channel (grey), where others have three; --skip-bad leaves it out",
        message);
    TrainTest data = load(SIX, true);
    assertEquals(3, data.train().count());
    assertTrue(
        remarks.contains(
            "left out: "
                + file("train/a/odd")
                + " has one channel (grey), where others have three"),
        remarks::toString);
    // The file remembers what was left out.
    assertEquals(message, assertThrows(DataException.class, () -> load(SIX, false)).getMessage());
    assertEquals(0, passes);
    load(SIX, true);
    assertEquals(0, passes);
  }

  @Test
  void oneColouredFileAmongGreyOnesIsNamed() throws IOException {
    for (String name : List.of("train/a/1", "train/b/1", "test/a/1", "test/b/1")) {
      Pictures.grey(random, file(name), 5, 5);
    }
    Pictures.colours(random, file("train/b/odd"), 5, 5);
    String message = assertThrows(DataException.class, () -> load(SIX, false)).getMessage();
    assertTrue(message.startsWith(file("train/b/odd") + " has three channels"), message);
    TrainTest data = load(SIX, true);
    assertEquals("things: 2 images of 1×5×5 in 2 classes", data.train().toString());
  }

  @Test
  void damagedPicturesAreNamedOrLeftOut() throws IOException {
    List<byte[]> pixels = colours(5, 5);
    byte[] whole = Files.readAllBytes(file("train/a/1"));
    Files.write(file("train/a/1"), Arrays.copyOf(whole, whole.length / 2));
    String message = assertThrows(DataException.class, () -> load(SIX, false)).getMessage();
    assertTrue(message.startsWith(file("train/a/1") + " is damaged"), message);
    assertTrue(message.endsWith("; --skip-bad leaves it out"), message);
    assertEquals(0, files(cache.resolve("folders")));
    Files.writeString(file("train/a/0"), "no picture");
    message = assertThrows(DataException.class, () -> load(SIX, false)).getMessage();
    assertTrue(message.startsWith(file("train/a/0") + " is no PNG"), message);
    assertTrue(message.endsWith("; --skip-bad leaves out such pictures (2 of 6)"), message);
    TrainTest data = load(SIX, true);
    assertEquals(2, data.train().count());
    // The others stay in their order: b's only one at 1/2, a's third of three at 5/6.
    assertArrayEquals(pixels.get(1), image(data.train(), 0));
    assertArrayEquals(pixels.get(2), image(data.train(), 1));
    assertEquals(2, remarks.stream().filter(l -> l.startsWith("left out: ")).count());
    Files.writeString(file("train/b/1"), "no picture");
    message = assertThrows(DataException.class, () -> load(SIX, true)).getMessage();
    assertTrue(message.endsWith("the class b has no training images left"), message);
  }

  @Test
  void withoutAnyPictureNothingIsDecoded() throws IOException {
    for (String name : List.of("train/a/1", "train/b/1", "test/a/1", "test/b/1")) {
      Files.createDirectories(file(name).getParent());
      Files.writeString(file(name), "no picture");
    }
    String message = assertThrows(DataException.class, () -> load(SIX, true)).getMessage();
    assertTrue(message.startsWith("none of the 4 pictures can be decoded: " + file("train/a/1")));
  }

  @Test
  void whatMayNotBeReadIsNoDamage() throws IOException {
    colours(5, 5);
    Path secret = file("test/b/1");
    Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("---------"));
    if (Files.isReadable(secret)) {
      String reason = "this user may read everything";
      System.out.println("skipped: " + reason);
      Assumptions.abort(reason);
    }
    String message = assertThrows(UncheckedIOException.class, () -> load(SIX, true)).getMessage();
    assertEquals("access to " + secret + " is denied", message);
  }

  private static long files(Path in) throws IOException {
    try (Stream<Path> all = Files.list(in)) {
      return all.count();
    }
  }

  @Test
  void theCacheIsUsedAsLongAsThePicturesAreTheSame() throws IOException {
    colours(5, 5);
    TrainTest first = load(SIX, false);
    assertEquals(1, passes);
    // The size does not matter to pictures that have one.
    TrainTest second = load(StoredSize.squareUnlessCommon(9), false);
    assertEquals(0, passes);
    assertTrue(remarks.get(0).contains("; from " + cache), remarks::toString);
    assertEquals(first.train().pixels(), second.train().pixels());
    assertEquals(first.test().labels(), second.test().labels());
    byte[] changed = Pictures.colours(random, file("test/a/1"), 5, 5);
    Files.setLastModifiedTime(file("test/a/1"), FileTime.fromMillis(1_000_000));
    TrainTest third = load(SIX, false);
    assertEquals(1, passes);
    assertArrayEquals(changed, image(third.test(), 0));
    assertEquals(1, files(cache.resolve("folders")));
  }

  @Test
  void twoThatFillTheCacheAtOnceGetTheSameAndLeaveOneFile() throws Exception {
    colours(5, 5);
    CyclicBarrier together = new CyclicBarrier(4);
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      List<Future<TrainTest>> loaded = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        loaded.add(
            threads.submit(
                () -> {
                  together.await();
                  return new FolderLoader(cache, 1, FolderListener.silent(), ALL_IN_MEMORY)
                      .load(folder, Optional.empty(), SIX, false);
                }));
      }
      TrainTest first = loaded.get(0).get();
      for (Future<TrainTest> other : loaded) {
        assertEquals(first.train().pixels(), other.get().train().pixels());
        assertEquals(first.test().pixels(), other.get().test().pixels());
      }
    } finally {
      threads.shutdown();
    }
    assertEquals(1, files(cache.resolve("folders")));
  }

  /**
   * Cut short, longer, of another kind, with a header that promises what is not there, or with one
   * bit that is another.
   */
  @ParameterizedTest
  @ValueSource(strings = {"short", "long", "other", "empty", "promise", "label", "pixel", "sum"})
  void aDamagedCacheIsMadeAgain(String damage) throws IOException {
    List<byte[]> pixels = colours(5, 5);
    load(SIX, false);
    Path file;
    try (Stream<Path> all = Files.list(cache.resolve("folders"))) {
      file = all.findFirst().orElseThrow();
    }
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
      switch (damage) {
        case "short" -> bytes.setLength(bytes.length() - 1);
        case "long" -> bytes.setLength(bytes.length() + 1);
        case "other" -> bytes.writeInt(1);
        case "empty" -> bytes.setLength(0);
        case "promise" -> {
          // Behind magic number, version and digest: the number of classes.
          bytes.seek(8);
          bytes.seek(8 + 2 + bytes.readUnsignedShort());
          bytes.writeInt(Integer.MAX_VALUE);
        }
        case "label" -> flip(bytes, bytes.length() - 4 - 5 * 75 - 4 - 1 - 1);
        case "pixel" -> flip(bytes, bytes.length() - 4 - 1 - random.nextInt(5 * 75));
        case "sum" -> flip(bytes, bytes.length() - 1);
        default -> throw new AssertionError(damage);
      }
    }
    TrainTest again = load(SIX, false);
    assertEquals(1, passes);
    assertArrayEquals(pixels.get(4), image(again.test(), 1));
  }

  private static void flip(RandomAccessFile file, long at) throws IOException {
    file.seek(at);
    int bits = file.readUnsignedByte();
    file.seek(at);
    file.writeByte(bits ^ 1);
  }

  @Test
  void whatIsTooLargeForMemoryIsMapped() throws IOException {
    colours(5, 5);
    TrainTest loaded = load(SIX, false);
    TrainTest mapped =
        new FolderLoader(cache, 1, listener, 5 * 75 - 1).load(folder, Optional.empty(), SIX, false);
    assertTrue(mapped.train().pixels().isDirect());
    assertFalse(loaded.train().pixels().isDirect());
    assertEquals(loaded.train().pixels(), mapped.train().pixels());
    assertEquals(loaded.test().pixels(), mapped.test().pixels());
    assertEquals(loaded.train().first(2).pixels(), mapped.train().first(2).pixels());
  }

  @Test
  void splitsHaveFilesOfTheirOwn() throws IOException {
    for (int i = 0; i < 10; i++) {
      Pictures.colours(random, folder.resolve("a").resolve(i + ".png"), 4, 4);
      Pictures.colours(random, folder.resolve("b").resolve(i + ".png"), 4, 4);
    }
    FolderLoader loader = new FolderLoader(cache, 2, listener);
    TrainTest one = loader.load(folder, Optional.of(new Split(0.2, 1)), SIX, false);
    assertEquals(16, one.train().count());
    assertEquals(4, one.test().count());
    assertEquals(folder + ", split 0.2, seed 1", one.origin());
    loader.load(folder, Optional.of(new Split(0.2, 2)), SIX, false);
    assertEquals(2, passes);
    TrainTest again = loader.load(folder, Optional.of(new Split(0.2, 1)), SIX, false);
    assertEquals(2, passes);
    assertEquals(one.test().pixels(), again.test().pixels());
  }

  @Test
  void aCacheThatCannotBeWrittenIsNamed() throws IOException {
    colours(5, 5);
    Files.writeString(cache, "a file in the way");
    String message = assertThrows(UncheckedIOException.class, () -> load(SIX, false)).getMessage();
    assertTrue(message.contains("cannot be written"), message);
    assertTrue(message.contains("NIN4J_CACHE"), message);
  }
}
