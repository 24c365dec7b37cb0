package org.nin4j.data.published;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.nin4j.data.DataException;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.file.PartialFile;
import org.nin4j.text.Text;

/**
 * Reads IDX files, the format of MNIST and its successors (<a
 * href="http://yann.lecun.com/exdb/mnist/">described there</a>): big-endian integers, then bytes;
 * images are {@code 2051, count, rows, columns, pixels…}, labels are {@code 2049, count, labels…}.
 * Plain or gzipped, told apart by their first bytes. A file is believed only if it has exactly the
 * bytes its header promises and, gzipped, its check sum fits.
 */
public final class Idx {

  static final int IMAGES_MAGIC = 2051;
  static final int LABELS_MAGIC = 2049;

  private static final int GZIP_MAGIC = 0x1F8B;

  /** DEFLATE shrinks at most 1032 to 1 (258 bytes in 2 bits); a plain file not at all. */
  private static final int MOST_BYTES_PER_COMPRESSED_BYTE = 1032;

  private enum Kind {
    IMAGES(IMAGES_MAGIC, 3),
    LABELS(LABELS_MAGIC, 1);

    private final int magic;
    private final int dimensions;

    Kind(int magic, int dimensions) {
      this.magic = magic;
      this.dimensions = dimensions;
    }

    private String plural() {
      return this == IMAGES ? "images" : "labels";
    }
  }

  /** What a file holds: its sizes (count first) and their product in bytes. */
  private record Contents(int[] sizes, byte[] bytes) {}

  private Idx() {}

  /**
   * Reads a data set from a file of images and the file of their labels.
   *
   * @throws DataException if a file is missing or damaged, if the two do not belong together, or if
   *     a label has no class
   * @throws UncheckedIOException if a file cannot be read, for want of permission for example
   */
  public static ImageDataset read(
      String name, List<String> classNames, Path imageFile, Path labelFile) {
    Contents images = read(imageFile, Kind.IMAGES);
    byte[] labels = read(labelFile, Kind.LABELS).bytes();
    int[] sizes = images.sizes();
    if (sizes[0] != labels.length) {
      throw new DataException(
          Text.of(
              "%s holds %d images, but %s holds %d labels: they do not belong together",
              imageFile, sizes[0], labelFile, labels.length));
    }
    for (int i = 0; i < labels.length; i++) {
      int label = labels[i] & 0xFF;
      if (label >= classNames.size()) {
        throw new DataException(
            Text.of(
                "%s: label %d of image %d is out of range: %s has the classes 0 to %d",
                labelFile, label, i, name, classNames.size() - 1));
      }
    }
    return new ImageDataset(name, classNames, 1, sizes[1], sizes[2], images.bytes(), labels);
  }

  private static Contents read(Path file, Kind kind) {
    if (Files.isDirectory(file)) {
      throw new DataException(
          Text.of("%s is a folder; a file of %s is expected", file, kind.plural()));
    }
    try {
      boolean gzip = isGzip(file);
      try (InputStream raw = Files.newInputStream(file);
          InputStream in =
              gzip ? new GZIPInputStream(raw, 1 << 16) : new BufferedInputStream(raw, 1 << 16)) {
        checkMagic(file, kind, readIntegers(file, in, 1)[0]);
        int[] sizes = readIntegers(file, in, kind.dimensions);
        return new Contents(sizes, readBytes(file, in, gzip, kind, sizes));
      }
    } catch (NoSuchFileException e) {
      throw new DataException(file + " does not exist", e);
    } catch (EOFException e) {
      throw new DataException(
          file + " is truncated: its gzip data ends too early; get the file anew", e);
    } catch (ZipException e) {
      throw new DataException(
          Text.of("%s is damaged gzip (%s); get the file anew", file, e.getMessage()), e);
    } catch (IOException e) {
      throw PartialFile.unreadable(file, e);
    }
  }

  private static boolean isGzip(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] first = in.readNBytes(2);
      return first.length == 2 && (ByteBuffer.wrap(first).getShort() & 0xFFFF) == GZIP_MAGIC;
    }
  }

  private static void checkMagic(Path file, Kind kind, int magic) {
    if (magic == kind.magic) {
      return;
    }
    for (Kind other : Kind.values()) {
      if (magic == other.magic) {
        throw new DataException(
            Text.of(
                "%s holds %s (magic number %d), but %s (%d) are expected: are the two files"
                    + " swapped?",
                file, other.plural(), magic, kind.plural(), kind.magic));
      }
    }
    throw new DataException(
        Text.of(
            "%s is no IDX file of %s: it begins with %d (0x%08X), not with %d",
            file, kind.plural(), magic, magic, kind.magic));
  }

  private static int[] readIntegers(Path file, InputStream in, int count) throws IOException {
    byte[] bytes = in.readNBytes(4 * count);
    if (bytes.length < 4 * count) {
      throw new DataException(file + " is truncated: it ends within its header");
    }
    int[] integers = new int[count];
    ByteBuffer.wrap(bytes).asIntBuffer().get(integers);
    return integers;
  }

  private static byte[] readBytes(Path file, InputStream in, boolean gzip, Kind kind, int[] sizes)
      throws IOException {
    long length = 1;
    String shape = "";
    for (int size : sizes) {
      // The product stays below 2^62 because it is not multiplied on once it is past an array.
      length = size < 1 || length > Integer.MAX_VALUE ? Long.MAX_VALUE : length * size;
      shape += (shape.isEmpty() ? "" : " × ") + size;
    }
    long headerLength = 4 + 4L * sizes.length;
    long most = Files.size(file) * (gzip ? MOST_BYTES_PER_COMPRESSED_BYTE : 1) - headerLength;
    if (length > Integer.MAX_VALUE - 8) {
      throw new DataException(
          Text.of("%s is damaged: its header promises %s of %s", file, kind.plural(), shape));
    }
    // Before memory is asked for on the word of a header.
    if (length > most) {
      throw truncated(file, kind, shape, length, gzip ? "at most " + most : String.valueOf(most));
    }
    byte[] bytes = new byte[(int) length];
    int found = in.readNBytes(bytes, 0, bytes.length);
    if (found < bytes.length) {
      throw truncated(file, kind, shape, length, String.valueOf(found));
    }
    // Reading on to the end also has gzip compare its check sum.
    long further = in.transferTo(OutputStream.nullOutputStream());
    if (further > 0) {
      throw new DataException(
          Text.of(
              "%s has trailing bytes: %d bytes (%s of %s) expected after the header, found %d",
              file, length, kind.plural(), shape, length + further));
    }
    return bytes;
  }

  private static DataException truncated(
      Path file, Kind kind, String shape, long expected, String found) {
    return new DataException(
        Text.of(
            "%s is truncated: %d bytes (%s of %s) expected after the header, found %s",
            file, expected, kind.plural(), shape, found));
  }
}
