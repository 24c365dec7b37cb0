package org.nin4j.backend.cuda.natives;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.Platform;
import org.nin4j.backend.cuda.natives.search.CudaLibraries;
import org.nin4j.backend.cuda.natives.search.CudaSet;
import org.nin4j.backend.cuda.natives.search.SearchPlaces;

/** The whole way, from the search to JCuda's answers, each time in a process of its own. */
class JCudaNativesTest {
  @TempDir static Path shared;
  private static Path libraries;

  @TempDir Path folder;

  @BeforeAll
  static void compile() throws IOException {
    libraries = FakeCuda.compile(shared.toRealPath().resolve("fake"));
  }

  private TestTools.Outcome fork(
      Map<String, String> environment, List<String> options, Class<?> main, Object... arguments)
      throws IOException {
    Map<String, String> all = new HashMap<>(environment);
    all.put("NIN4J_CACHE", folder.resolve("cache").toString());
    return TestTools.fork(all, options, main, arguments);
  }

  private TestTools.Outcome examine(String... environment) throws IOException {
    Map<String, String> all = new HashMap<>();
    for (String assignment : environment) {
      String[] sides = assignment.split("=", 2);
      all.put(sides[0], sides[1]);
    }
    return fork(all, List.of(), ExamineMain.class, libraries);
  }

  private static void assertSays(TestTools.Outcome outcome, String... expected) {
    for (String each : expected) {
      assertTrue(outcome.output().contains(each), each + " is not in:\n" + outcome.output());
    }
  }

  @Test
  void bringsJCudaUp() throws IOException {
    assertSays(
        examine(),
        "runs CUDA up to 12.6  " + libraries + "/libcuda.so.1 (set by --cuda-libs",
        "Fake GPU, compute capability 8.6, 6.0 GiB\n",
        " 12.6.4  " + libraries + "/libcublas.so.12",
        " 9.5.1  " + libraries + "/libcudnn.so.9",
        "The GPU can be used.\nusable true\n",
        "again LibraryVersions[nvrtc=12.6, cublas=12.6.4, cudnn=9.5.1]");
  }

  @Test
  void saysWhatIsWrongWithDriverAndGpu() throws IOException {
    assertSays(
        examine("FAKE_CUDA=11080"),
        "problem: the driver runs CUDA up to 11.8, the libraries found are of CUDA 12",
        "mend: install driver 525 or newer\n",
        "usable false");
    assertSays(
        examine("FAKE_INIT=100", "CUDA_VISIBLE_DEVICES=-1"),
        "problem: the driver shows no GPU with CUDA_VISIBLE_DEVICES=\"-1\"",
        "mend: unset CUDA_VISIBLE_DEVICES",
        "usable false");
    assertSays(examine("FAKE_INIT=804"), "cuInit answers", "(804)", "restart the machine");
    assertSays(examine("FAKE_CAPABILITY=61"), "6.0 GiB (too old: 7.5 is needed)", "usable false");
    assertSays(
        examine("FAKE_CAPABILITY=120"),
        "problem: NVRTC 12.6 cannot compile for Fake GPU (compute capability 12.0)",
        "mend: install newer CUDA libraries: pip install --upgrade nvidia-cuda-nvrtc-cu12");
    assertSays(
        examine("FAKE_CONTEXT=2"),
        "problem: cuDevicePrimaryCtxRetain answers CUDA_ERROR_OUT_OF_MEMORY",
        "usable false");
  }

  @Test
  void noticesACudnnOfAnotherCuda() throws IOException {
    Path mixed = FakeCuda.compile(folder.resolve("mixed"), 13000);
    assertSays(
        fork(Map.of(), List.of(), ExamineMain.class, mixed),
        "libcudnn.so.9 is built for CUDA 13, the other libraries are of CUDA 12",
        "mend: pip install nvidia-cudnn-cu12");
  }

  @Test
  void worksWithoutADriver() throws IOException {
    assertEquals(
        "LibraryVersions[nvrtc=12.6, cublas=12.6.4, cudnn=9.5.1]\n",
        fork(Map.of(), List.of(), ExamineMain.Libraries.class, libraries).output());
  }

  @Test
  void neverLoadsFromTheTemporaryFolder() throws IOException {
    Path temporary = Files.createDirectory(folder.resolve("temporary"));
    for (String name : TestTools.JCUDA_NATIVES) {
      Files.writeString(temporary.resolve(JCudaNatives.fileName(name)), "planted");
    }
    List<String> options = List.of("-Djava.io.tmpdir=" + temporary);
    assertSays(fork(Map.of(), options, ExamineMain.class, libraries), "usable true");
    // JCuda by itself does: the danger is real, and this test would see it.
    TestTools.Outcome bare = fork(Map.of(), options, ExamineMain.BareJCuda.class);
    assertNotEquals(0, bare.exitCode());
    assertSays(bare, temporary + "/");
  }

  @Test
  void refusesNativesOnTheLibraryPath() throws IOException {
    Path planted = Files.createDirectory(folder.resolve("planted"));
    Path file = planted.resolve(JCudaNatives.fileName("JCudnn"));
    Files.write(file, TestTools.jcudaNative("JCudnn"));
    TestTools.Outcome outcome =
        fork(Map.of(), List.of("-Djava.library.path=" + planted), ExamineMain.class, libraries);
    assertSays(
        outcome,
        "problem: " + file + " lies on Java's library path",
        "mend: take " + planted + " off LD_LIBRARY_PATH",
        "usable false");
  }

  @Test
  void refusesASecondSetInOneProcess() throws IOException {
    Path other = Files.createDirectory(folder.resolve("other"));
    try (Stream<Path> files = Files.list(libraries)) {
      for (Path file : files.toList()) {
        Files.copy(file, other.resolve(file.getFileName()));
      }
    }
    TestTools.Outcome outcome =
        fork(Map.of(), List.of(), ExamineMain.TwoSets.class, libraries, libraries, other);
    assertSays(
        outcome,
        "cudnn=9.5.1]\nLibraryVersions",
        "already loaded other CUDA libraries (" + libraries);
  }

  @Test
  void passesOnWhatTheLinkerSays() throws IOException {
    Path broken = Files.createDirectory(folder.resolve("broken"));
    Path absent = TestTools.compile(broken, "libabsent.so.1", "int z(void) { return 1; }");
    Path needy = Files.createDirectory(folder.resolve("needy"));
    TestTools.compile(
        needy, "libcudnn_graph.so.9", "int z(void); int graph(void) { return z(); }", absent);
    try (Stream<Path> files = Files.list(libraries)) {
      for (Path file : files.toList()) {
        if (!Files.exists(needy.resolve(file.getFileName()))) {
          Files.copy(file, needy.resolve(file.getFileName()));
        }
      }
    }
    Files.delete(absent);
    assertSays(
        fork(Map.of(), List.of(), ExamineMain.class, needy),
        "problem: " + needy + "/libcudnn_graph.so.9 does not load: libabsent.so.1: cannot open",
        "mend: install the library named in this message",
        "usable false");
  }

  @Test
  void takesAnotherCacheAndSaysSoWhereTheNamedOneCannotBeUsed() throws IOException {
    Map<String, String> environment =
        Map.of("NIN4J_CACHE", "/proc/nin4j", "XDG_CACHE_HOME", folder.toString());
    TestTools.Outcome outcome =
        TestTools.fork(environment, List.of(), ExamineMain.class, libraries);
    assertSays(
        outcome,
        "Using "
            + folder.resolve("nin4j")
            + " as cache: the cache folder /proc/nin4j cannot be used",
        "usable true");
  }

  @Test
  void namesThePlatformsItRunsOn() {
    assertEquals(Optional.empty(), JCudaNatives.platformProblem(new Platform("Linux", "amd64")));
    for (Platform other :
        List.of(new Platform("Linux", "aarch64"), new Platform("Mac OS X", "x86_64"))) {
      String message = JCudaNatives.platformProblem(other).orElseThrow().message();
      assertTrue(message.endsWith("; this is " + other), message);
    }
  }

  /** On the CUDA stand-in, where it is built; what it does not have is faked. */
  @Test
  void bringsJCudaUpOnTheStandIn() throws IOException {
    Path standIn = Path.of("target/stand-in/lib").toAbsolutePath();
    if (!Files.exists(standIn.resolve("libcuda.so.1"))) {
      TestTools.skip("the CUDA stand-in is not built (make -C src/test/native)");
    }
    Path mixed = Files.createDirectory(folder.resolve("stand-in"));
    try (Stream<Path> files = Files.list(standIn)) {
      for (Path file : files.toList()) {
        Files.copy(file, mixed.resolve(file.getFileName()));
      }
    }
    assertSays(
        fork(Map.of(), List.of(), ExamineMain.class, FakeCuda.compile(mixed)),
        "GPU 0  ",
        "The GPU can be used.\nusable true\nagain LibraryVersions[nvrtc=12.",
        "cudnn=9.");
  }

  /** On real CUDA libraries, where this machine has them; they need no GPU for this. */
  @Test
  void bringsJCudaUpOnRealLibraries() throws IOException {
    SearchPlaces places = SearchPlaces.ofThisMachine(List.of());
    Optional<CudaSet> real = CudaLibraries.find(places).set();
    if (real.isEmpty()) {
      TestTools.skip("this machine has no complete set of CUDA libraries");
    }
    Object[] folders =
        real.get().inLoadOrder().stream()
            .map(library -> library.path().getParent())
            .distinct()
            .toArray();
    TestTools.Outcome outcome = fork(Map.of(), List.of(), ExamineMain.Libraries.class, folders);
    System.out.println("real CUDA libraries: " + outcome.output().strip());
    assertFalse(outcome.output().contains("xception"), outcome.output());
    assertSays(outcome, "cudnn=9.");
  }
}
