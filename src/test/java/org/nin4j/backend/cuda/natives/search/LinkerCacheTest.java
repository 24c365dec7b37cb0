package org.nin4j.backend.cuda.natives.search;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.cuda.natives.TestTools;

class LinkerCacheTest {
  private static final List<LinkerCache.Entry> ENTRIES =
      List.of(
          new LinkerCache.Entry("libcuda.so.1", "/lib/i386-linux-gnu/libcuda.so.1"),
          new LinkerCache.Entry("libcuda.so.1", "/lib/x86_64-linux-gnu/libcuda.so.1"));

  @TempDir Path folder;

  /** A cache as glibc writes it. */
  static byte[] cache(List<LinkerCache.Entry> entries) {
    ByteArrayOutputStream strings = new ByteArrayOutputStream();
    int stringsAt = 48 + 24 * entries.size();
    ByteBuffer table = ByteBuffer.allocate(stringsAt).order(ByteOrder.LITTLE_ENDIAN);
    table.put("glibc-ld.so.cache1.1".getBytes(StandardCharsets.US_ASCII));
    table.putInt(entries.size()).position(48);
    for (LinkerCache.Entry entry : entries) {
      table.putInt(0x0303);
      table.putInt(stringsAt + strings.size());
      strings.writeBytes((entry.soname() + '\0').getBytes(StandardCharsets.UTF_8));
      table.putInt(stringsAt + strings.size());
      strings.writeBytes((entry.path() + '\0').getBytes(StandardCharsets.UTF_8));
      table.putInt(0).putLong(0);
    }
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    file.writeBytes(table.array());
    file.writeBytes(strings.toByteArray());
    return file.toByteArray();
  }

  private List<LinkerCache.Entry> read(byte[] file) throws IOException {
    return LinkerCache.read(Files.write(folder.resolve("ld.so.cache"), file));
  }

  @Test
  void readsAllEntries() throws IOException {
    assertEquals(ENTRIES, read(cache(ENTRIES)));
  }

  @Test
  void readsACacheBehindOneOfTheOldForm() throws IOException {
    byte[] newForm = cache(ENTRIES);
    byte[] both = new byte[64 + newForm.length];
    System.arraycopy("ld.so-1.7.0".getBytes(StandardCharsets.US_ASCII), 0, both, 0, 11);
    System.arraycopy(newForm, 0, both, 64, newForm.length);
    assertEquals(ENTRIES, read(both));
  }

  @Test
  void survivesDamageAndAbsence() throws IOException {
    assertEquals(List.of(), LinkerCache.read(folder.resolve("none")));
    assertEquals(List.of(), read(new byte[0]));
    byte[] whole = cache(ENTRIES);
    for (int length = 0; length < whole.length; length++) {
      assertTrue(read(Arrays.copyOf(whole, length)).size() <= 2);
    }
    long seed = new Random().nextLong();
    System.out.println("LinkerCacheTest.survivesDamageAndAbsence: seed " + seed);
    Random random = new Random(seed);
    for (int trial = 0; trial < 300; trial++) {
      byte[] damaged = whole.clone();
      damaged[20 + random.nextInt(damaged.length - 20)] = (byte) random.nextInt(256);
      assertTrue(read(damaged).size() <= whole.length / 24);
    }
  }

  /** This machine's cache, against the program that prints it. */
  @Test
  void agreesWithLdconfig() throws IOException {
    Path cache = Path.of("/etc/ld.so.cache");
    Path ldconfig = Path.of("/sbin/ldconfig");
    if (!Files.isReadable(cache) || !Files.isExecutable(ldconfig)) {
      TestTools.skip("this machine has no ld.so.cache or no ldconfig");
    }
    String text = TestTools.run(Map.of("LC_ALL", "C"), List.of(ldconfig.toString(), "-p")).output();
    List<LinkerCache.Entry> printed =
        Pattern.compile("^\t(\\S+) \\(.*\\) => (\\S+)$", Pattern.MULTILINE)
            .matcher(text)
            .results()
            .map(line -> new LinkerCache.Entry(line.group(1), line.group(2)))
            .toList();
    assertTrue(!printed.isEmpty());
    assertEquals(printed, LinkerCache.read(cache));
  }
}
