package org.nin4j.data.folder;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.data.file.PartialFile;
import org.nin4j.tensor.Shape;

/**
 * Decoded pictures in one file: a header (magic number, version, {@link Header}), the pixels of all
 * images, unsigned bytes [count, channels, height, width], training images first, and the CRC-32C
 * of all of that: a disk that has lost a bit is no reason to train on other pictures.
 *
 * @param path the file
 * @param header what it holds, or will
 */
record CacheFile(Path path, Header header) {
  /** "NIN4". */
  private static final int MAGIC = 0x4e494e34;

  private static final int VERSION = 2;

  private static final int BUFFER = 1 << 20;

  /**
   * What the pixels are.
   *
   * @param digest of what they were made from, and how
   * @param classes by label
   * @param image (channels, height, width)
   * @param train number of training images; the others are for testing
   * @param labels of all images
   * @param asTheyAre whether pictures kept their size
   * @param leftOut why each picture that was left out was
   */
  record Header(
      String digest,
      List<String> classes,
      Shape image,
      int train,
      byte[] labels,
      boolean asTheyAre,
      List<String> leftOut) {
    Header {
      classes = List.copyOf(classes);
      leftOut = List.copyOf(leftOut);
    }

    long pixelBytes() {
      return labels.length * image.elements();
    }

    byte[] bytes() {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      try (DataOutputStream out = new DataOutputStream(bytes)) {
        out.writeInt(MAGIC);
        out.writeInt(VERSION);
        out.writeUTF(digest);
        write(out, classes);
        for (int size : image.dims()) {
          out.writeInt(size);
        }
        out.writeInt(train);
        out.writeInt(labels.length);
        out.write(labels);
        out.writeBoolean(asTheyAre);
        write(out, leftOut);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return bytes.toByteArray();
    }

    private static void write(DataOutputStream out, List<String> texts) throws IOException {
      out.writeInt(texts.size());
      for (String text : texts) {
        out.writeUTF(text);
      }
    }

    private static List<String> texts(DataInputStream in, long most) throws IOException {
      List<String> texts = new ArrayList<>();
      int count = in.readInt();
      for (int i = 0; i < count && i < most; i++) {
        texts.add(in.readUTF());
      }
      return texts;
    }
  }

  /** Writes the header in front of the pixels, and the sum behind them. */
  static void complete(FileChannel channel, Header header) throws IOException {
    write(channel, ByteBuffer.wrap(header.bytes()), 0);
    long end = header.bytes().length + header.pixelBytes();
    write(channel, ByteBuffer.allocate(Integer.BYTES).putInt(0, sum(channel, end)), end);
  }

  static void write(FileChannel channel, ByteBuffer bytes, long at) throws IOException {
    long offset = at - bytes.position();
    while (bytes.hasRemaining()) {
      channel.write(bytes, offset + bytes.position());
    }
  }

  /** Of what lies before a place. */
  private static int sum(FileChannel channel, long end) throws IOException {
    CRC32C sum = new CRC32C();
    ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
    for (long at = 0; at < end; at += buffer.limit()) {
      buffer.clear().limit((int) Math.min(BUFFER, end - at));
      while (buffer.hasRemaining()) {
        if (channel.read(buffer, at + buffer.position()) < 0) {
          throw new EOFException("it is cut short");
        }
      }
      sum.update(buffer.flip());
    }
    return (int) sum.getValue();
  }

  private static boolean hasItsSum(Path path, long end) throws IOException {
    try (FileChannel channel = FileChannel.open(path)) {
      ByteBuffer kept = ByteBuffer.allocate(Integer.BYTES);
      return channel.read(kept, end) == Integer.BYTES && kept.getInt(0) == sum(channel, end);
    }
  }

  /** A file, if it is there, whole, and was made from what the digest says. */
  static Optional<CacheFile> read(Path path, String digest) {
    if (!Files.isRegularFile(path)) {
      return Optional.empty();
    }
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(path)))) {
      long length = Files.size(path);
      if (in.readInt() != MAGIC || in.readInt() != VERSION || !in.readUTF().equals(digest)) {
        return Optional.empty();
      }
      List<String> classes = Header.texts(in, length);
      Shape image = Shape.of(in.readInt(), in.readInt(), in.readInt());
      int train = in.readInt();
      byte[] labels = new byte[(int) Math.min(length, in.readInt())];
      in.readFully(labels);
      Header header =
          new Header(
              digest, classes, image, train, labels, in.readBoolean(), Header.texts(in, length));
      long end = header.bytes().length + header.pixelBytes();
      boolean whole = end + Integer.BYTES == length && hasItsSum(path, end);
      return whole ? Optional.of(new CacheFile(path, header)) : Optional.empty();
    } catch (IOException | RuntimeException e) {
      // Whatever is wrong with it, it can be made again.
      return Optional.empty();
    }
  }

  /**
   * The images.
   *
   * @param mostInMemory bytes of pixels; more are mapped
   */
  TrainTest images(String name, String origin, long mostInMemory) {
    boolean mapped = header.pixelBytes() > mostInMemory;
    int begin = header.bytes().length;
    int train = header.train();
    int all = header.labels().length;
    try (FileChannel channel = FileChannel.open(path)) {
      return new TrainTest(
          set(name, channel, begin, 0, train, mapped),
          set(name, channel, begin, train, all, mapped),
          origin);
    } catch (IOException e) {
      throw PartialFile.unreadable(path, e);
    }
  }

  private ImageDataset set(
      String name, FileChannel channel, int begin, int from, int to, boolean mapped)
      throws IOException {
    long imageSize = header.image().elements();
    long at = begin + from * imageSize;
    int size = Math.toIntExact((to - from) * imageSize);
    byte[] labels = Arrays.copyOfRange(header.labels(), from, to);
    ByteBuffer pixels;
    if (mapped) {
      pixels = channel.map(MapMode.READ_ONLY, at, size);
    } else {
      pixels = ByteBuffer.allocate(size);
      while (pixels.hasRemaining()) {
        if (channel.read(pixels, at + pixels.position()) < 0) {
          throw new IOException("it is cut short");
        }
      }
    }
    return new ImageDataset(
        name,
        header.classes(),
        header.image().dim(0),
        header.image().dim(1),
        header.image().dim(2),
        pixels,
        labels);
  }
}
