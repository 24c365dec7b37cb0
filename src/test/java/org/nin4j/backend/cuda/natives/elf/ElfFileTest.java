package org.nin4j.backend.cuda.natives.elf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.backend.cuda.natives.TestTools;

class ElfFileTest {
  @TempDir Path folder;

  private static TestElf example() {
    return TestElf.library("libexample.so.3")
        .needs("libc.so.6")
        .needs("libother.so.1")
        .wants("libc.so.6", "GLIBC_2.2.5", "GLIBC_2.14")
        .wants("libother.so.1", "libother.so.1")
        .defines("EXTRA_1.0")
        .symbol("first")
        .symbol("second");
  }

  @Test
  void readsNamesAndVersions() throws IOException {
    Path file = Files.write(folder.resolve("libexample.so.3"), example().bytes());
    ElfFile elf = ElfFile.read(file);
    assertEquals(Optional.of("libexample.so.3"), elf.soname());
    assertEquals(List.of("libc.so.6", "libother.so.1"), elf.needed());
    assertEquals(List.of("libexample.so.3", "EXTRA_1.0"), elf.versionDefinitions());
    assertEquals(
        List.of(
            // The hashes that readelf shows for these two versions of glibc.
            new ElfFile.VersionNeed(
                "libc.so.6",
                List.of(
                    new ElfFile.VersionName("GLIBC_2.2.5", 0x09691a75),
                    new ElfFile.VersionName("GLIBC_2.14", 0x06969194))),
            new ElfFile.VersionNeed(
                "libother.so.1",
                List.of(new ElfFile.VersionName("libother.so.1", ElfImage.hash("libother.so.1"))))),
        elf.versionNeeds());
    assertEquals(elf, ElfFile.of(example().bytes()));
  }

  @ParameterizedTest
  @CsvSource({
    // Values that other implementations of the System V hash give for these names.
    "'', 0",
    "printf, 0x077905a6",
    "exit, 0x0006cf04",
    "syscall, 0x0b09985c",
    "flapenguin.me, 0x03987915"
  })
  void hashesAsSystemV(String name, String hash) {
    assertEquals(Integer.decode(hash), ElfImage.hash(name));
  }

  @ParameterizedTest
  @CsvSource({
    "183, 2, aarch64",
    "21, 2, ppc64",
    "243, 2, RISC-V",
    "3, 1, i386",
    "62, 1, 32-bit form",
    "4711, 2, machine number 4711"
  })
  void namesTheWrongArchitecture(int machine, int elfClass, String expected) {
    byte[] file = example().machine(machine).elfClass(elfClass).bytes();
    ElfException e = assertThrows(ElfException.class, () -> ElfFile.of(file));
    assertEquals(ElfException.Kind.WRONG_ARCHITECTURE, e.kind());
    assertTrue(e.getMessage().contains(expected), e.getMessage());
  }

  @Test
  void readsTheMachineOfABigEndianFile() {
    byte[] file = example().bytes();
    file[5] = 2;
    file[18] = 0;
    file[19] = 22;
    ElfException e = assertThrows(ElfException.class, () -> ElfFile.of(file));
    assertTrue(e.getMessage().contains("s390x"), e.getMessage());
  }

  @Test
  void refusesWhatIsNoSharedLibrary() {
    assertDamaged("no ELF file", "GROUP ( libcudnn.so.9 )".getBytes());
    assertDamaged("no ELF file", new byte[1000]);
    assertDamaged("no shared library", example().type(2).bytes());
    assertDamaged("no ELF file", new byte[0]);
  }

  private static void assertDamaged(String expected, byte[] file) {
    ElfException e = assertThrows(ElfException.class, () -> ElfFile.of(file));
    assertEquals(ElfException.Kind.DAMAGED, e.kind());
    assertTrue(e.getMessage().contains(expected), e.getMessage());
  }

  @Test
  void reportsEveryTruncation() {
    byte[] whole = example().bytes();
    for (int length = 0; length < whole.length; length++) {
      byte[] part = Arrays.copyOf(whole, length);
      ElfException e = assertThrows(ElfException.class, () -> ElfFile.of(part), "length " + length);
      assertEquals(ElfException.Kind.DAMAGED, e.kind());
    }
  }

  /** Any damage is either harmless or reported: no other exception, and no endless loop. */
  @Test
  void survivesAnyDamage() throws IOException {
    long seed = new Random().nextLong();
    System.out.println("ElfFileTest.survivesAnyDamage: seed " + seed);
    Random random = new Random(seed);
    byte[] whole = example().bytes();
    int reported = 0;
    for (int trial = 0; trial < 20_000; trial++) {
      byte[] damaged = whole.clone();
      for (int i = random.nextInt(4); i >= 0; i--) {
        damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
      }
      try {
        ElfFile.of(damaged);
        Retargeting.retarget(damaged, Map.of("libother.so.1", "libother.so.2"));
      } catch (ElfException expected) {
        reported++;
      }
    }
    assertTrue(reported > 2_000, "only " + reported + " of 20000 damaged files were reported");
  }

  /** The reader against binutils', on JCuda's natives. */
  @ParameterizedTest
  @ValueSource(strings = {"JCudaDriver", "JNvrtc", "JCublas2", "JCudnn"})
  void agreesWithReadelf(String name) throws IOException {
    TestTools.assumeInstalled("readelf");
    Path file = Files.write(folder.resolve("native.so"), TestTools.jcudaNative(name));
    String text =
        TestTools.run(Map.of("LC_ALL", "C"), List.of("readelf", "-dVW", file.toString())).output();
    ElfFile elf = ElfFile.read(file);
    assertEquals(all("\\(NEEDED\\).*\\[(.*)\\]", text), elf.needed());
    assertEquals(all("\\(SONAME\\).*\\[(.*)\\]", text), elf.soname().stream().toList());
    assertEquals(
        all("Version: 1  File: (\\S+)", text),
        elf.versionNeeds().stream().map(ElfFile.VersionNeed::soname).toList());
    assertEquals(
        all("Name: (\\S+)  Flags: none  Version", text),
        elf.versionNeeds().stream()
            .flatMap(need -> need.versions().stream())
            .map(ElfFile.VersionName::name)
            .toList());
    elf.versionNeeds().stream()
        .flatMap(need -> need.versions().stream())
        .forEach(version -> assertEquals(ElfImage.hash(version.name()), version.hash()));
  }

  private static List<String> all(String pattern, String text) {
    Matcher matcher = Pattern.compile(pattern).matcher(text);
    return matcher.results().map(result -> result.group(1)).toList();
  }
}
