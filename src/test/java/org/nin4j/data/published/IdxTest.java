package org.nin4j.data.published;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.data.DataException;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.data.file.PartialFile;
import org.nin4j.data.shapes.Shapes;

/** IDX files made byte by byte from the format's description. */
class IdxTest {

  private static final List<String> CLASSES = List.of("a", "b", "c");
  private static final int COUNT = 5;
  private static final int ROWS = 3;
  private static final int COLUMNS = 4;

  @TempDir private Path folder;
  private Path images;
  private Path labels;
  private byte[] pixels;

  @BeforeEach
  void chooseContents() {
    images = folder.resolve("images");
    labels = folder.resolve("labels");
    long seed = System.nanoTime();
    System.out.println("IdxTest seed " + seed);
    pixels = new byte[COUNT * ROWS * COLUMNS];
    new Random(seed).nextBytes(pixels);
  }

  private byte[] imageBytes() {
    return ByteBuffer.allocate(16 + pixels.length)
        .putInt(2051)
        .putInt(COUNT)
        .putInt(ROWS)
        .putInt(COLUMNS)
        .put(pixels)
        .array();
  }

  private static byte[] labelBytes(int... values) {
    ByteBuffer buffer = ByteBuffer.allocate(8 + values.length).putInt(2049).putInt(values.length);
    for (int value : values) {
      buffer.put((byte) value);
    }
    return buffer.array();
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(bytes);
    }
    return out.toByteArray();
  }

  private ImageDataset read() {
    return Idx.read("test", CLASSES, images, labels);
  }

  private void write(byte[] imageFile, byte[] labelFile) throws IOException {
    Files.write(images, imageFile);
    Files.write(labels, labelFile);
  }

  private void assertRefused(byte[] imageFile, byte[] labelFile, String... parts)
      throws IOException {
    write(imageFile, labelFile);
    assertRefused(parts);
  }

  private void assertRefused(String... parts) {
    String message = assertThrows(DataException.class, this::read).getMessage();
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "'" + part + "' is not in: " + message);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void readsPlainAndGzipped(boolean gzipped) throws IOException {
    byte[] labelFile = labelBytes(2, 0, 1, 1, 0);
    write(gzipped ? gzip(imageBytes()) : imageBytes(), gzipped ? gzip(labelFile) : labelFile);
    ImageDataset data = read();
    assertEquals(COUNT, data.count());
    assertEquals(1, data.channels());
    assertEquals(ROWS, data.height());
    assertEquals(COLUMNS, data.width());
    assertEquals(ByteBuffer.wrap(pixels), data.pixels());
    assertEquals(ByteBuffer.wrap(new byte[] {2, 0, 1, 1, 0}), data.labels());
  }

  @Test
  void refusesMissingFileAndFolder() throws IOException {
    write(imageBytes(), labelBytes(0, 0, 0, 0, 0));
    Files.delete(labels);
    assertRefused(labels.toString(), "does not exist");
    Files.createDirectory(labels);
    assertRefused(labels.toString(), "is a folder");
  }

  /** Every cut but none: in the header, in the pixels, in the gzip stream, in its check sum. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void refusesEveryTruncation(boolean gzipped) throws IOException {
    byte[] whole = gzipped ? gzip(imageBytes()) : imageBytes();
    Files.write(labels, labelBytes(0, 0, 0, 0, 0));
    for (int length = 0; length < whole.length; length++) {
      Files.write(images, Arrays.copyOf(whole, length));
      assertRefused(images.toString(), "truncated");
    }
    Files.write(images, whole);
    assertEquals(COUNT, read().count());
  }

  @Test
  void saysWhatATruncatedFileLacks() throws IOException {
    byte[] whole = imageBytes();
    assertRefused(
        Arrays.copyOf(whole, whole.length - 7),
        labelBytes(0, 0, 0, 0, 0),
        "60 bytes (images of 5 × 3 × 4) expected",
        "found 53");
    assertRefused(
        gzip(Arrays.copyOf(whole, whole.length - 7)),
        labelBytes(0, 0, 0, 0, 0),
        "60 bytes (images of 5 × 3 × 4) expected",
        "found 53");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void refusesTrailingBytes(boolean gzipped) throws IOException {
    byte[] longer = Arrays.copyOf(imageBytes(), imageBytes().length + 9);
    assertRefused(
        gzipped ? gzip(longer) : longer,
        labelBytes(0, 0, 0, 0, 0),
        images.toString(),
        "trailing",
        "60 bytes",
        "found 69");
  }

  @Test
  void recognisesSwappedFiles() throws IOException {
    assertRefused(
        labelBytes(0, 0, 0, 0, 0), imageBytes(), images.toString(), "2049", "2051", "swapped?");
    assertRefused(imageBytes(), gzip(imageBytes()), labels.toString(), "2051", "2049", "swapped?");
    // A label file so short that it ends where an image file has its header.
    assertRefused(labelBytes(), imageBytes(), images.toString(), "swapped?");
  }

  @Test
  void refusesOtherFiles() throws IOException {
    byte[] page = "<html>not found</html>".getBytes();
    assertRefused(page, labelBytes(0, 0, 0, 0, 0), images.toString(), "no IDX file", "2051");
  }

  @Test
  void refusesDifferentCounts() throws IOException {
    assertRefused(imageBytes(), labelBytes(0, 1, 2, 0), images.toString(), "5 images", "4 labels");
  }

  @Test
  void refusesLabelsWithoutClass() throws IOException {
    assertRefused(
        imageBytes(),
        labelBytes(0, 1, 2, 3, 0),
        labels.toString(),
        "label 3 of image 3",
        "classes 0 to 2");
    assertRefused(imageBytes(), labelBytes(255, 1, 2, 0, 0), "label 255 of image 0");
  }

  /**
   * Whatever bit of a gzip file's data or trailer turns over: it is refused, or was one of the bits
   * that fill up the last byte, and the pixels are right.
   */
  @Test
  void refusesEveryDamagedBit() throws IOException {
    byte[] whole = gzip(imageBytes());
    Files.write(labels, labelBytes(0, 0, 0, 0, 0));
    int headerLength = 10;
    int harmless = 0;
    for (int bit = 8 * headerLength; bit < 8 * whole.length; bit++) {
      byte[] damaged = whole.clone();
      damaged[bit / 8] ^= (byte) (1 << bit % 8);
      Files.write(images, damaged);
      try {
        assertEquals(ByteBuffer.wrap(pixels), read().pixels());
        harmless++;
      } catch (DataException e) {
        assertTrue(e.getMessage().contains(images.toString()), e.getMessage());
      }
    }
    assertTrue(harmless <= 7, harmless + " bits do not matter");
  }

  @Test
  void saysThatTheCheckSumDoesNotFit() throws IOException {
    byte[] damaged = gzip(imageBytes());
    damaged[damaged.length - 8] ^= 1;
    assertRefused(damaged, labelBytes(0, 0, 0, 0, 0), images.toString(), "damaged gzip");
  }

  /** A header is not believed before the file could hold what it promises. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void refusesSizesThatCannotBe(boolean gzipped) throws IOException {
    int[][] sizes = {
      {Integer.MAX_VALUE, Integer.MAX_VALUE, Integer.MAX_VALUE},
      {-5, 3, 4},
      {5, -3, -4},
      {0, 3, 4},
      {5, 0, 4},
      {65536, 65536, 1},
      {65536, 65536, 65536},
      {2_000_000_000, 1, 1},
    };
    for (int[] size : sizes) {
      byte[] file = imageBytes();
      ByteBuffer.wrap(file).putInt(4, size[0]).putInt(8, size[1]).putInt(12, size[2]);
      assertRefused(
          gzipped ? gzip(file) : file,
          labelBytes(0, 0, 0, 0, 0),
          images.toString(),
          size[0] + " × " + size[1] + " × " + size[2]);
    }
  }

  /** The file is refused by its size, before 2 GB are allocated for what it cannot hold. */
  @Test
  void refusesPromisesThatGzipCannotKeep() throws IOException {
    byte[] file = imageBytes();
    ByteBuffer.wrap(file).putInt(4, 2_000_000_000 / 12);
    assertRefused(gzip(file), labelBytes(0, 0, 0, 0, 0), "1999999992 bytes", "found at most");
  }

  @Test
  void readsWhatTheWriterWrites() {
    TrainTest drawn = Shapes.draw(5, 30, 20, 1);
    IdxWriter.write(drawn, folder.resolve("new").resolve("set"));
    TrainTest read = IdxDataset.MNIST.read(folder.resolve("new").resolve("set"));
    assertEquals(drawn.train().pixels(), read.train().pixels());
    assertEquals(drawn.train().labels(), read.train().labels());
    assertEquals(drawn.test().pixels(), read.test().pixels());
    assertEquals(drawn.test().labels(), read.test().labels());
    assertEquals(28, read.test().height());
    assertEquals(28, read.test().width());
  }

  @Test
  void writerSaysWhatIsInItsWay() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    UncheckedIOException refused =
        assertThrows(
            UncheckedIOException.class, () -> IdxWriter.write(Shapes.draw(5, 10, 10, 1), file));
    assertTrue(refused.getMessage().contains("cannot be written"), refused.getMessage());
    assertTrue(refused.getMessage().contains(file.toString()), refused.getMessage());
  }

  @Test
  void aFileThatIsNotCommittedLeavesTheOldOne() throws IOException {
    Path target = Files.writeString(folder.resolve("target"), "old");
    try (PartialFile partial = PartialFile.create(target)) {
      partial.stream().write(new byte[100]);
    }
    assertEquals("old", Files.readString(target));
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(List.of(target), files.toList());
    }
  }
}
