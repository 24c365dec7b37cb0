package org.nin4j.backend.cuda.natives.search;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The dynamic linker's cache, {@code /etc/ld.so.cache}, in the form that glibc has written since
 * 2.32 and could write before (source: glibc, {@code sysdeps/generic/dl-cache.h}): a header of 48
 * bytes, entries of 24 bytes (flags, offset of soname, offset of path, …), then the strings.
 */
final class LinkerCache {
  private static final byte[] MAGIC = "glibc-ld.so.cache1.1".getBytes(StandardCharsets.US_ASCII);
  private static final int HEADER_SIZE = 48;
  private static final int ENTRY_SIZE = 24;

  /** Linux's; without it, each entry of a damaged cache could have all of it for its name. */
  private static final int LONGEST_PATH = 4096;

  private LinkerCache() {}

  /** A library that the linker knows. */
  record Entry(String soname, String path) {}

  /** All entries, several for a soname if there are; none if there is no such cache. */
  static List<Entry> read(Path file) {
    try {
      return parse(Files.readAllBytes(file));
    } catch (IOException absent) {
      return List.of();
    }
  }

  private static List<Entry> parse(byte[] file) {
    List<Entry> entries = new ArrayList<>();
    int start = indexOf(file, MAGIC);
    if (start < 0 || start + HEADER_SIZE > file.length) {
      return entries;
    }
    // Older caches put another table first; offsets count from this one's start.
    ByteBuffer cache =
        ByteBuffer.wrap(file, start, file.length - start).slice().order(ByteOrder.LITTLE_ENDIAN);
    long count = Integer.toUnsignedLong(cache.getInt(20));
    for (long i = 0; i < count && HEADER_SIZE + (i + 1) * ENTRY_SIZE <= cache.limit(); i++) {
      int entry = (int) (HEADER_SIZE + i * ENTRY_SIZE);
      entries.add(
          new Entry(
              string(cache, cache.getInt(entry + 4)), string(cache, cache.getInt(entry + 8))));
    }
    return entries;
  }

  private static String string(ByteBuffer cache, int offset) {
    StringBuilder text = new StringBuilder();
    long end = Math.min(cache.limit(), (long) offset + LONGEST_PATH);
    for (int i = offset; i >= 0 && i < end && cache.get(i) != 0; i++) {
      text.append((char) (cache.get(i) & 0xff));
    }
    return text.toString();
  }

  private static int indexOf(byte[] file, byte[] wanted) {
    for (int i = 0; i + wanted.length <= file.length; i += 4) {
      if (Arrays.equals(file, i, i + wanted.length, wanted, 0, wanted.length)) {
        return i;
      }
    }
    return -1;
  }
}
