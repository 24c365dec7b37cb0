package org.nin4j.backend.cuda.natives.elf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nin4j.backend.cuda.natives.TestTools;

class RetargetingTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "JCudnn, libcudnn.so.8, libcudnn.so.9",
    "JCublas2, libcublas.so.11, libcublas.so.12",
    "JCublas2, libcublas.so.11, libcublas.so.13",
    "JNvrtc, libnvrtc.so.11.2, libnvrtc.so.12",
    "JNvrtc, libnvrtc.so.11.2, libnvrtc.so.13"
  })
  void pointsJCudasNativesElsewhere(String name, String from, String to) throws IOException {
    byte[] original = TestTools.jcudaNative(name);
    byte[] changed = Retargeting.retarget(original, Map.of(from, to));
    ElfFile before = ElfFile.of(original);
    ElfFile after = ElfFile.of(changed);
    assertTrue(before.needed().contains(from));
    assertEquals(
        before.needed().stream().map(each -> each.equals(from) ? to : each).toList(),
        after.needed());
    assertEquals(before.soname(), after.soname());
    assertEquals(
        List.of(new ElfFile.VersionName(to, ElfImage.hash(to))),
        after.versionNeeds().stream()
            .filter(need -> need.soname().equals(to))
            .flatMap(need -> need.versions().stream())
            .toList());
    // One string and one hash: nothing else may change.
    assertEquals(original.length, changed.length);
    int differences = 0;
    for (int i = 0; i < original.length; i++) {
      differences += original[i] == changed[i] ? 0 : 1;
    }
    assertTrue(differences > 0 && differences <= from.length() + 4, differences + " bytes differ");
  }

  /** As binutils read the result, where they are installed. */
  @Test
  void readelfSeesTheNewSoname() throws IOException {
    TestTools.assumeInstalled("readelf");
    byte[] changed =
        Retargeting.retarget(
            TestTools.jcudaNative("JCudnn"), Map.of("libcudnn.so.8", "libcudnn.so.9"));
    Path file = Files.write(folder.resolve("changed.so"), changed);
    TestTools.Outcome outcome =
        TestTools.run(
            Map.of("LC_ALL", "C"), List.of("readelf", "-dVW", "--dyn-syms", file.toString()));
    assertTrue(outcome.output().contains("Shared library: [libcudnn.so.9]"));
    assertTrue(outcome.output().contains("cudnnCreate@libcudnn.so.9"));
    assertFalse(outcome.output().contains("libcudnn.so.8"));
    assertFalse(outcome.output().contains("readelf: Error"), outcome.output());
  }

  /** The linker itself as the judge: it loads the changed library and not the original. */
  @Test
  void theLinkerAcceptsTheResult() throws IOException {
    Path old = TestTools.compile(folder, "libtarget.so.8", "int answer(void) { return 8; }");
    Path consumer =
        TestTools.compile(
            folder,
            "libconsumer.so",
            """
            int answer(void);
            /* A JNI version tells Java that the library is fine, anything else that it is not. */
            int JNI_OnLoad(void *vm, void *reserved) { return answer() == 9 ? 0x00010008 : -1; }
            """,
            old);
    Path target = TestTools.compile(folder, "libtarget.so.9", "int answer(void) { return 9; }");
    System.load(target.toString());
    Files.delete(old);
    assertThrows(UnsatisfiedLinkError.class, () -> System.load(consumer.toString()));
    Path changed =
        Files.write(
            folder.resolve("libchanged.so"),
            Retargeting.retarget(
                Files.readAllBytes(consumer), Map.of("libtarget.so.8", "libtarget.so.9")));
    System.load(changed.toString());
  }

  @Test
  void changesEveryEntryThatNamesTheSoname() throws IOException {
    byte[] library =
        TestElf.library("libuser.so")
            .needs("libx.so.10")
            .needs("liby.so.10")
            .wants("liby.so.10", "liby.so.10")
            .wants("libx.so.10", "libx.so.10", "OTHER")
            .symbol("function")
            .bytes();
    ElfFile after =
        ElfFile.of(
            Retargeting.retarget(library, Map.of("libx.so.10", "libx.so.2", "liby.so.10", "l")));
    assertEquals(List.of("libx.so.2", "l"), after.needed());
    assertEquals(
        List.of(
            new ElfFile.VersionNeed("l", List.of(new ElfFile.VersionName("l", ElfImage.hash("l")))),
            new ElfFile.VersionNeed(
                "libx.so.2",
                List.of(
                    new ElfFile.VersionName("libx.so.2", ElfImage.hash("libx.so.2")),
                    new ElfFile.VersionName("OTHER", ElfImage.hash("OTHER"))))),
        after.versionNeeds());
  }

  @Test
  void refusesToChangeAnotherNameAlong() {
    assertRefused("shares", TestElf.empty().needs("libx.so.8").symbolInTailOf("libx.so.8", 3));
    assertRefused("shares", TestElf.empty().needs("libx.so.8").symbolInTailOf("libx.so.8", 0));
    assertRefused("shares", TestElf.empty().needs("libx.so.8").entry(29, "libx.so.8"));
    assertRefused("does not need", TestElf.empty().needs("libx.so.80").symbol("libx.so.8"));
  }

  @Test
  void refusesALongerName() {
    byte[] library = TestElf.empty().needs("libx.so.8").bytes();
    ElfException e =
        assertThrows(
            ElfException.class,
            () -> Retargeting.retarget(library, Map.of("libx.so.8", "libx.so.10")));
    assertTrue(e.getMessage().contains("no room for libx.so.10"), e.getMessage());
  }

  private static void assertRefused(String expected, TestElf library) {
    ElfException e =
        assertThrows(
            ElfException.class,
            () -> Retargeting.retarget(library.bytes(), Map.of("libx.so.8", "libx.so.9")));
    assertTrue(e.getMessage().contains(expected), e.getMessage());
  }
}
