package org.nin4j.backend.cuda.natives.search;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.backend.cuda.natives.TestTools;

class CacheDirectoryTest {
  private static final int ENTRIES = 20;

  @TempDir Path temporary;
  private Path folder;

  @BeforeEach
  void resolve() throws IOException {
    temporary = temporary.toRealPath();
    folder = temporary.resolve("cache");
  }

  private static Map<String, byte[]> files(int number) {
    byte[] large = new byte[100_000];
    Arrays.fill(large, (byte) number);
    return Map.of("a.so", large, "b.so", new byte[] {(byte) number});
  }

  private static void assertHolds(Map<String, byte[]> files, Path entry) throws IOException {
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      assertArrayEquals(file.getValue(), Files.readAllBytes(entry.resolve(file.getKey())));
    }
  }

  private static Problem.CacheUnusable refusal(Path folder) {
    NativesException e =
        assertThrows(
            NativesException.class, () -> CacheDirectory.at(folder).install("natives", files(1)));
    return (Problem.CacheUnusable) e.problem();
  }

  private final List<String> warnings = new ArrayList<>();

  private Path of(Map<String, String> environment, Path home) {
    return CacheDirectory.of(environment, home, temporary.resolve("tmp"), warnings::add).folder();
  }

  /** Anyone may write to a folder above, and it is not sticky: nothing below it can be trusted. */
  @Test
  void goesElsewhereWhereAFolderAboveCannotBeTrusted() throws IOException {
    Path open = Files.createDirectory(temporary.resolve("open"));
    Path home = open.resolve("user");
    Files.createDirectories(temporary.resolve("tmp"));
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
    assertEquals(temporary.resolve("tmp/nin4j-user"), of(Map.of(), home));
    assertEquals(1, warnings.size(), warnings.toString());
    assertTrue(warnings.get(0).startsWith("Using " + temporary.resolve("tmp/nin4j-user")));
    assertTrue(warnings.get(0).contains("anyone can rename what lies in " + open));
    assertEquals(1, warnings.get(0).lines().count());
    warnings.clear();
    Path runtime = temporary.resolve("run");
    Map<String, String> environment =
        Map.of(
            "NIN4J_CACHE", open.resolve("own").toString(), "XDG_RUNTIME_DIR", runtime.toString());
    assertEquals(runtime.resolve("nin4j"), of(environment, home));
    assertEquals(1, warnings.size(), warnings.toString());
    assertTrue(warnings.get(0).contains(open.resolve("own").toString()), warnings.get(0));
    // A folder of mine, but open to others, is no place either.
    Files.setPosixFilePermissions(
        temporary.resolve("tmp/nin4j-user"), PosixFilePermissions.fromString("rwxrwxrwx"));
    NativesException e =
        assertThrows(NativesException.class, () -> of(Map.of(), home), "the first is told");
    assertTrue(e.getMessage().contains(open.toString()), e.getMessage());
  }

  @Test
  void followsTheEnvironment() {
    Path home = temporary.resolve("home");
    Path shared = temporary.resolve("shared");
    Path own = temporary.resolve("own");
    assertEquals(home.resolve(".cache/nin4j"), of(Map.of(), home));
    assertEquals(home.resolve(".cache/nin4j"), of(Map.of("XDG_CACHE_HOME", "relative"), home));
    Map<String, String> xdg = Map.of("XDG_CACHE_HOME", shared.toString());
    assertEquals(shared.resolve("nin4j"), of(xdg, home));
    Map<String, String> both =
        Map.of("XDG_CACHE_HOME", shared.toString(), "NIN4J_CACHE", own.toString());
    assertEquals(own, of(both, home));
  }

  @Test
  void keepsFilesForTheOwnerAlone() throws IOException {
    Path entry = CacheDirectory.at(folder).install("natives", files(1));
    assertHolds(files(1), entry);
    assertEquals(folder.resolve("natives"), entry.getParent());
    for (Path each : List.of(folder, entry.getParent(), entry)) {
      assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(each)));
    }
  }

  @Test
  void namesEntriesByContent() {
    CacheDirectory cache = CacheDirectory.at(folder);
    assertEquals(cache.install("natives", files(1)), cache.install("natives", files(1)));
    assertNotEquals(cache.install("natives", files(1)), cache.install("natives", files(2)));
    // The border between name and content counts too.
    assertNotEquals(
        cache.install("natives", Map.of("a", "bc".getBytes())),
        cache.install("natives", Map.of("ab", "c".getBytes())));
  }

  @Test
  void doesNotWriteAnEntryAgain() throws IOException {
    CacheDirectory cache = CacheDirectory.at(folder);
    Path file = cache.install("natives", files(1)).resolve("a.so");
    Object before = Files.getAttribute(file, "unix:ino");
    cache.install("natives", files(1));
    assertEquals(before, Files.getAttribute(file, "unix:ino"));
  }

  /** A damaged entry stays, for a process may have loaded it, and is used no more. */
  @Test
  void goesAroundADamagedEntry() throws IOException {
    CacheDirectory cache = CacheDirectory.at(folder);
    Path first = cache.install("natives", files(1));
    Files.write(first.resolve("a.so"), new byte[] {13});
    Path second = cache.install("natives", files(1));
    assertHolds(files(1), second);
    assertEquals(second, cache.install("natives", files(1)));
    Files.delete(second.resolve("b.so"));
    Path third = cache.install("natives", files(1));
    assertHolds(files(1), third);
    assertEquals(3, List.of(first, second, third).stream().distinct().count());
    assertLeavesNothingBehind();
  }

  @Test
  void givesUpWhereEveryEntryIsDamaged() throws IOException {
    CacheDirectory cache = CacheDirectory.at(folder);
    NativesException e =
        assertThrows(
            NativesException.class,
            () -> cache.install("natives", "x", entry -> {}, entry -> false));
    assertTrue(e.getMessage().contains("all entries for x are damaged"), e.getMessage());
  }

  private void assertLeavesNothingBehind() throws IOException {
    try (Stream<Path> entries = Files.list(folder.resolve("natives"))) {
      assertEquals(
          List.of(),
          entries.filter(each -> each.getFileName().toString().startsWith(".")).toList());
    }
  }

  @Test
  void isFilledByThreadsAtOnce() throws Exception {
    CacheDirectory cache = CacheDirectory.at(folder);
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      List<Callable<Path>> calls = new ArrayList<>();
      for (int i = 0; i < 4 * ENTRIES; i++) {
        Map<String, byte[]> files = files(i / 4);
        calls.add(() -> cache.install("natives", files));
      }
      List<Future<Path>> entries = threads.invokeAll(calls);
      for (int i = 0; i < entries.size(); i++) {
        assertHolds(files(i / 4), entries.get(i).get());
      }
    } finally {
      threads.shutdown();
    }
    assertLeavesNothingBehind();
  }

  /** Fills the cache from a process of its own. */
  static final class Filler {
    private Filler() {}

    /** Takes the cache's folder. */
    public static void main(String[] arguments) throws IOException {
      CacheDirectory cache = CacheDirectory.at(Path.of(arguments[0]));
      for (int i = 0; i < ENTRIES; i++) {
        assertHolds(files(i), cache.install("natives", files(i)));
      }
      System.out.println("filled");
    }
  }

  @Test
  void isFilledByProcessesAtOnce() throws Exception {
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      processes.add(
          new ProcessBuilder(TestTools.javaCommand(List.of(), Filler.class, folder))
              .redirectErrorStream(true)
              .start());
    }
    for (Process process : processes) {
      assertEquals("filled\n", new String(process.getInputStream().readAllBytes()));
      assertEquals(0, process.waitFor());
    }
    assertLeavesNothingBehind();
    try (Stream<Path> entries = Files.list(folder.resolve("natives"))) {
      assertEquals(ENTRIES, entries.count());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"rwxrwx---", "rwx----w-"})
  void refusesAFolderThatOthersCanWriteTo(String permissions) throws IOException {
    Files.createDirectory(folder);
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString(permissions));
    Problem.CacheUnusable problem = refusal(folder);
    assertTrue(problem.message().contains("others can write to it"), problem.message());
    assertTrue(problem.remedy().startsWith("chmod go-w " + folder), problem.remedy());
  }

  @Test
  void refusesAnEntryThatOthersCanWriteTo() throws IOException {
    Path entry = CacheDirectory.at(folder).install("natives", files(1));
    Files.setPosixFilePermissions(entry, PosixFilePermissions.fromString("rwxrwxrwx"));
    assertEquals(entry, refusal(folder).folder());
  }

  @Test
  void refusesAFolderThatAnyoneCanRename() throws IOException {
    Files.createDirectory(folder);
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
    Problem.CacheUnusable problem = refusal(folder.resolve("nin4j"));
    assertTrue(problem.message().contains("anyone can rename"), problem.message());
  }

  @Test
  void refusesSomeoneElsesFolder() throws IOException {
    Files.createDirectory(folder);
    Path someoneElses = folder;
    try {
      Files.setAttribute(folder, "unix:uid", 4711);
    } catch (FileSystemException onlyRootMay) {
      someoneElses = Path.of("/usr");
    }
    Problem.CacheUnusable problem = refusal(someoneElses);
    assertTrue(problem.message().contains("not to you"), problem.message());
    assertTrue(problem.remedy().contains("NIN4J_CACHE"), problem.remedy());
  }

  @Test
  void saysThatAFileIsInTheWay() throws IOException {
    Files.writeString(folder, "");
    assertTrue(refusal(folder).message().contains("a file is in its place"));
  }

  @Test
  void saysThatTheFolderCannotBeWritten() {
    // Not even root can make a folder there.
    Problem.CacheUnusable problem = refusal(Path.of("/proc/nin4j"));
    assertTrue(problem.message().startsWith("the cache folder /proc/nin4j cannot be used"));
    assertTrue(problem.remedy().contains("NIN4J_CACHE"), problem.remedy());
  }

  /** Tries to fill the cache and prints the problem. */
  static final class Failing {
    private Failing() {}

    /** Takes the cache's folder. */
    public static void main(String[] arguments) {
      System.out.println(refusal(Path.of(arguments[0])).message());
    }
  }

  /** A limit on the size of files stands for a full disk: the write fails half-way. */
  @Test
  void leavesNothingHalfWritten() throws IOException {
    List<String> command =
        new ArrayList<>(List.of("bash", "-c", "ulimit -f 16 && exec \"$@\"", "bash"));
    command.addAll(TestTools.javaCommand(List.of("-XX:-UsePerfData"), Failing.class, folder));
    TestTools.Outcome outcome = TestTools.run(Map.of(), command);
    assertEquals(0, outcome.exitCode(), outcome.output());
    assertTrue(outcome.output().contains("File too large"), outcome.output());
    try (Stream<Path> entries = Files.list(folder.resolve("natives"))) {
      assertEquals(List.of(), entries.toList());
    }
  }
}
