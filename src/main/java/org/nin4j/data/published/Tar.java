package org.nin4j.data.published;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.nin4j.data.DataException;
import org.nin4j.text.Text;

/**
 * Reads files out of a tar archive (POSIX.1-1988, "ustar"): blocks of 512 bytes, for each file a
 * header with its name, its size and a check sum in octal digits, and then its bytes.
 */
final class Tar {
  private static final int BLOCK = 512;
  private static final int NAME = 0;
  private static final int NAME_LENGTH = 100;
  private static final int SIZE = 124;
  private static final int SIZE_LENGTH = 12;
  private static final int SUM = 148;
  private static final int SUM_LENGTH = 8;
  private static final int TYPE = 156;

  private Tar() {}

  /**
   * Reads files by their names, without the folders that they are in.
   *
   * @param archive for messages
   * @param in its bytes, unpacked; read to their end, so that gzip compares its check sum
   * @param most bytes of a file
   * @throws DataException if it is no tar archive, or damaged
   * @throws IOException if it cannot be read
   */
  static Map<String, byte[]> read(Path archive, InputStream in, Set<String> names, int most)
      throws IOException {
    Map<String, byte[]> files = new HashMap<>();
    byte[] header = new byte[BLOCK];
    while (in.readNBytes(header, 0, BLOCK) == BLOCK && header[NAME] != 0) {
      requireSum(archive, header);
      long size = octal(archive, header, SIZE, SIZE_LENGTH);
      String path = text(header, NAME, NAME_LENGTH);
      String name = path.substring(path.lastIndexOf('/') + 1);
      boolean regular = header[TYPE] == '0' || header[TYPE] == 0;
      if (regular && names.contains(name)) {
        if (size > most) {
          throw new DataException(
              Text.of("%s is damaged: %s has %d bytes in it", archive, path, size));
        }
        byte[] content = in.readNBytes((int) size);
        if (content.length < size) {
          throw new EOFException();
        }
        files.put(name, content);
        in.skipNBytes(padding(size));
      } else {
        in.skipNBytes(size + padding(size));
      }
    }
    in.transferTo(OutputStream.nullOutputStream());
    return files;
  }

  private static long padding(long size) {
    return (BLOCK - size % BLOCK) % BLOCK;
  }

  /** The sum of the header's bytes, its own place counted as spaces. */
  private static void requireSum(Path archive, byte[] header) {
    long sum = 0;
    for (int i = 0; i < BLOCK; i++) {
      sum += i >= SUM && i < SUM + SUM_LENGTH ? ' ' : header[i] & 0xff;
    }
    if (sum != octal(archive, header, SUM, SUM_LENGTH)) {
      throw noTar(archive);
    }
  }

  private static long octal(Path archive, byte[] header, int from, int length) {
    String digits = text(header, from, length).strip();
    if (!digits.matches("[0-7]{1,11}")) {
      throw noTar(archive);
    }
    return Long.parseLong(digits, 8);
  }

  private static DataException noTar(Path archive) {
    return new DataException(archive + " is no tar archive, or damaged; get it anew");
  }

  /** Up to the first 0. */
  private static String text(byte[] header, int from, int length) {
    int end = from;
    while (end < from + length && header[end] != 0) {
      end++;
    }
    return new String(header, from, end - from, StandardCharsets.UTF_8);
  }
}
