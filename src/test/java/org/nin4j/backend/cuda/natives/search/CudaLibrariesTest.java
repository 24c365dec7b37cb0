package org.nin4j.backend.cuda.natives.search;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nin4j.backend.cuda.natives.elf.TestElf;
import org.nin4j.backend.cuda.natives.search.LibraryRole.Component;

class CudaLibrariesTest {
  private static final String SYSTEM = "usr/lib/x86_64-linux-gnu";
  private static final String TOOLKIT = "usr/local/cuda-12.6/lib64";

  @TempDir Path root;
  private World world;

  @BeforeEach
  void world() {
    world = new World(root);
  }

  private CudaSet set() {
    Found found = world.find();
    assertEquals(List.of(), found.problems());
    return found.set().orElseThrow();
  }

  private static String version(CudaSet set, LibraryRole role) {
    return set.library(role).version().text();
  }

  private Problem onlyProblem() {
    Found found = world.find();
    assertEquals(Optional.empty(), found.set());
    assertEquals(1, found.problems().size(), found.problems().toString());
    return found.problems().get(0);
  }

  @Test
  void findsAWholeToolkitInLoadOrder() throws IOException {
    world.cuda(TOOLKIT, "12.6.85", "9.5.1");
    world.library(TOOLKIT, "libcudart.so.12", "12.6.77");
    CudaSet set = set();
    assertEquals(12, set.cudaMajor());
    assertEquals(
        List.of(
            "libcudart.so.12",
            "libnvrtc-builtins.so.12.6",
            "libnvrtc.so.12",
            "libcublasLt.so.12",
            "libcublas.so.12",
            "libcudnn_graph.so.9",
            "libcudnn_ops.so.9",
            "libcudnn_cnn.so.9",
            "libcudnn_heuristic.so.9",
            "libcudnn_engines_precompiled.so.9",
            "libcudnn_engines_runtime_compiled.so.9",
            "libcudnn_adv.so.9",
            "libcudnn.so.9"),
        set.inLoadOrder().stream().map(CudaLibrary::soname).toList());
    CudaLibrary cudnn = set.library(LibraryRole.CUDNN);
    assertEquals("9.5.1", cudnn.version().text());
    assertEquals(Origin.TOOLKIT, cudnn.origin());
    assertEquals(world.path(TOOLKIT + "/libcudnn.so.9"), cudnn.path());
  }

  @Test
  void takesTheNewestCuda() throws IOException {
    world.cuda(TOOLKIT, "12.6.85", "9.5.1");
    world.cuda("usr/local/cuda-13.0/lib64", "13.0.48", "9.13.0");
    CudaSet set = set();
    assertEquals(13, set.cudaMajor());
    assertEquals("9.13.0", version(set, LibraryRole.CUDNN));
  }

  @Test
  void prefersACompleteOlderCudaToAnIncompleteNewerOne() throws IOException {
    world.cuda(TOOLKIT, "12.6.85", "9.5.1");
    world.nvrtc("usr/local/cuda-13.0/lib64", "13.0.48");
    world.library("usr/local/cuda-13.0/lib64", "libcublas.so.13", "13.0.0.19");
    assertEquals(12, set().cudaMajor());
  }

  @Test
  void takesTheCudaThatTheDriverRuns() throws IOException {
    world.cuda(TOOLKIT, "12.6.85", "9.5.1");
    world.cuda("usr/local/cuda-13.0/lib64", "13.0.48", "9.13.0");
    world.driver("560.35.03");
    assertEquals(12, set().cudaMajor());
    assertEquals(Optional.of(new Version("560.35.03")), world.find().driverVersion());
  }

  @Test
  void takesTheDriversVersionFromTheKernelModuleWhereNoNameTellsIt() throws IOException {
    world.library(SYSTEM, "libcuda.so.1");
    world.file("sys/module/nvidia/version", "580.65.06\n".getBytes());
    Found found = world.find();
    assertEquals(Optional.of(new Version("580.65.06")), found.driverVersion());
    assertEquals(Origin.DISTRIBUTION, found.driver().orElseThrow().origin());
  }

  @Test
  void joinsComponentsOfSeveralFolders() throws IOException {
    world.nvrtc(TOOLKIT, "12.6.85");
    world.cublas(TOOLKIT, "12.6.4.1");
    world.cudnn(SYSTEM, "9.5.1");
    CudaSet set = set();
    assertEquals(Origin.TOOLKIT, set.library(LibraryRole.CUBLAS).origin());
    assertEquals(Origin.DISTRIBUTION, set.library(LibraryRole.CUDNN).origin());
  }

  @Test
  void takesTheNewestOfEachComponent() throws IOException {
    world.cuda(SYSTEM, "12.4.99", "9.1.0");
    world.cudnn(TOOLKIT, "9.10.2");
    CudaSet set = set();
    assertEquals("9.10.2", version(set, LibraryRole.CUDNN));
    assertEquals("12.4.99", version(set, LibraryRole.CUBLAS));
  }

  @Test
  void followsTheSettingEvenToAnOlderVersion() throws IOException {
    world.cuda("usr/local/cuda-13.0/lib64", "13.0.48", "9.13.0");
    world.cuda("opt/mine", "12.4.99", "9.1.0");
    assertEquals(13, set().cudaMajor());
    world.setting = List.of(world.path("opt/mine"));
    CudaSet set = set();
    assertEquals(12, set.cudaMajor());
    assertTrue(set.inLoadOrder().stream().allMatch(each -> each.origin() == Origin.SETTING));
  }

  @Test
  void saysThatTheSettingHoldsNothing() throws IOException {
    world.cuda(TOOLKIT, "12.6.85", "9.5.1");
    Files.createDirectories(world.path("opt/mine"));
    world.setting = List.of(world.path("opt/mine"));
    assertEquals(List.of(new Problem.SettingUnused(world.setting)), world.find().problems());
  }

  @ParameterizedTest
  @CsvSource({
    "opt/it, opt/it",
    "opt/toolkit/lib64, opt/toolkit",
    "venv/lib/python3.12/site-packages/nvidia/cu13/lib, venv",
    "site/nvidia/cu13/lib, site",
    "site/nvidia/cu13/lib, site/nvidia"
  })
  void understandsWhatTheSettingNames(String libraries, String named) throws IOException {
    world.cuda(libraries, "13.0.48", "9.13.0");
    world.setting = List.of(world.path(named));
    assertEquals(Origin.SETTING, set().library(LibraryRole.CUDNN).origin());
  }

  @ParameterizedTest
  @CsvSource({
    "LD_LIBRARY_PATH, opt/a, opt/a, LIBRARY_PATH",
    "CUDA_HOME, opt/a, opt/a/lib64, TOOLKIT",
    "CUDA_PATH, opt/a, opt/a/targets/x86_64-linux/lib, TOOLKIT",
    "CONDA_PREFIX, opt/a, opt/a/lib, CONDA",
    "VIRTUAL_ENV, opt/a, opt/a/lib/python3.11/site-packages/nvidia/cu13/lib, PYTHON",
    "X, opt/a, usr/local/cuda/lib64, TOOLKIT",
    "X, opt/a, usr/local/cuda-13.0/targets/x86_64-linux/lib, TOOLKIT",
    "X, opt/a, usr/lib64, DISTRIBUTION",
    "X, opt/a, usr/local/nvidia/lib64, DISTRIBUTION",
    "X, opt/a, usr/local/nvidia/lib, DISTRIBUTION",
    "X, opt/a, usr/lib/x86_64-linux-gnu/libcudnn/13, DISTRIBUTION",
    "X, opt/a, home/user/.local/lib/python3.13/site-packages/nvidia/cu13/lib, PYTHON",
    "X, opt/a, home/user/.pyenv/versions/3.12.1/lib/python3.12/site-packages/nvidia/cu13/lib,"
        + " PYTHON",
    "X, opt/a, usr/local/lib/python3.12/dist-packages/nvidia/cu13/lib, PYTHON",
    "X, opt/a,"
        + " home/user/.javacpp/cache/cuda-13.1-9.19-1.5.13-linux-x86_64-redist.jar/org/bytedeco/cuda/linux-x86_64,"
        + " MAVEN"
  })
  void looksIn(String variable, String value, String folder, Origin origin) throws IOException {
    world.environment().put(variable, world.path(value).toString());
    world.cuda(folder, "13.0.48", "9.13.0");
    assertEquals(origin, set().library(LibraryRole.CUDNN).origin());
  }

  @Test
  void looksInThePythonOnThePath() throws IOException {
    // A virtual environment's python3 is a link to the one that it was made from.
    Path base = world.file("opt/python/bin/python3.11", new byte[0]);
    assertTrue(base.toFile().setExecutable(true));
    Files.createDirectories(world.path("opt/venv/bin"));
    Files.createSymbolicLink(world.path("opt/venv/bin/python3"), base);
    world.environment().put("PATH", world.path("opt/venv/bin").toString());
    world.cudnn("opt/venv/lib/python3.11/site-packages/nvidia/cudnn/lib", "9.5.1");
    world.nvrtc("opt/python/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib", "12.6.85");
    world.cublas("opt/python/lib/python3.11/site-packages/nvidia/cublas/lib", "12.6.4.1");
    assertEquals(Origin.PYTHON, set().library(LibraryRole.CUDNN).origin());
  }

  /** A link to an environment's python3, which is a link itself, out of the environment. */
  @Test
  void looksInEveryEnvironmentThatALinkLeadsThrough() throws IOException {
    Path base = world.file("usr/bin/python3.11", new byte[0]);
    assertTrue(base.toFile().setExecutable(true));
    Files.createDirectories(world.path("opt/venv/bin"));
    Files.createSymbolicLink(world.path("opt/venv/bin/python3"), base);
    Files.createDirectories(world.path("home/user/bin"));
    Files.createSymbolicLink(
        world.path("home/user/bin/python3"), Path.of("../../../opt/venv/bin/python3"));
    world.environment().put("PATH", world.path("home/user/bin").toString());
    world.cuda("opt/venv/lib/python3.11/site-packages/nvidia/cu13/lib", "13.0.48", "9.13.0");
    assertEquals(Origin.PYTHON, set().library(LibraryRole.CUDNN).origin());
  }

  @Test
  void ignoresRelativeAndEmptyEntriesOfTheLibraryPath() {
    world.environment().put("LD_LIBRARY_PATH", "::relative:.:");
    assertEquals(List.of(), world.find().places());
  }

  @Test
  void readsWheelsVersionsFromTheirMetadata() throws IOException {
    String packages = "home/user/.local/lib/python3.12/site-packages";
    world.library(packages + "/nvidia/cuda_nvrtc/lib", "libnvrtc.so.12");
    world.library(packages + "/nvidia/cuda_nvrtc/lib", "libnvrtc-builtins.so.12.8");
    world.library(packages + "/nvidia/cublas/lib", "libcublas.so.12");
    world.library(packages + "/nvidia/cublas/lib", "libcublasLt.so.12");
    for (String part : World.CUDNN_PARTS) {
      world.library(packages + "/nvidia/cudnn/lib", "libcudnn" + part + ".so.9");
    }
    for (String wheel :
        List.of(
            "nvidia_cuda_nvrtc_cu12-12.8.93",
            "nvidia_cublas_cu12-12.8.4.1",
            "nvidia_cudnn_cu12-9.10.2.21",
            "nvidia_cudnn_frontend-1.32.0")) {
      Files.createDirectories(world.path(packages + "/" + wheel + ".dist-info"));
    }
    CudaSet set = set();
    assertEquals("12.8.93", version(set, LibraryRole.NVRTC));
    assertEquals("12.8.4.1", version(set, LibraryRole.CUBLAS));
    assertEquals("9.10.2.21", version(set, LibraryRole.CUDNN));
    // Built for CUDA 12 by its wheel's name, it does not serve for 13.
    world.nvrtc("usr/local/cuda-13.0/lib64", "13.0.48");
    world.cublas("usr/local/cuda-13.0/lib64", "13.0.0.19");
    assertEquals(12, set().cudaMajor());
    // Where a wheel for each has been installed, nothing tells which one's files are there.
    Files.createDirectories(world.path(packages + "/nvidia_cudnn_cu13-9.13.0.50.dist-info"));
    assertEquals(13, set().cudaMajor());
  }

  @Test
  void doesNotJoinACudnnOfAnotherCuda() throws IOException {
    world.nvrtc(TOOLKIT, "12.6.85");
    world.cublas(TOOLKIT, "12.6.4.1");
    world.cudnn("usr/lib/x86_64-linux-gnu/libcudnn/13", "9.13.0");
    assertEquals(
        new Problem.CudnnForOtherCuda(world.path("usr/lib/x86_64-linux-gnu/libcudnn/13"), 13, 12),
        onlyProblem());
  }

  @Test
  void readsTheLinkerCache() throws IOException {
    world.cuda("opt/hidden", "12.6.85", "9.5.1");
    world.file(
        "etc/ld.so.cache",
        LinkerCacheTest.cache(
            List.of(
                new LinkerCache.Entry("libcudnn.so.9", "/opt/hidden/libcudnn.so.9"),
                new LinkerCache.Entry("libother.so.1", "/opt/other/libother.so.1"))));
    Found found = world.find();
    assertEquals(
        List.of(world.path("opt/hidden")),
        found.places().stream().map(SearchPlaces.Place::folder).toList());
    assertEquals(Origin.LINKER_CACHE, set().library(LibraryRole.CUDNN).origin());
  }

  @Test
  void saysWhatIsMissing() throws IOException {
    assertEquals(
        new Problem.Missing(List.of(Component.NVRTC, Component.CUBLAS, Component.CUDNN), 13),
        onlyProblem());
    world.driver("550.54.14");
    assertEquals(
        new Problem.Missing(List.of(Component.NVRTC, Component.CUBLAS, Component.CUDNN), 12),
        onlyProblem());
    world.nvrtc(TOOLKIT, "12.6.85");
    world.cublas(TOOLKIT, "12.6.4.1");
    assertEquals(new Problem.Missing(List.of(Component.CUDNN), 12), onlyProblem());
  }

  @Test
  void advisesForTheCudaThatIsNearest() throws IOException {
    world.library(TOOLKIT, "libnvrtc.so.12", "12.6.85");
    List<Problem> problems = world.find().problems();
    assertEquals(
        List.of(
            new Problem.Missing(List.of(Component.CUBLAS, Component.CUDNN), 12),
            new Problem.Incomplete(
                Component.NVRTC, world.path(TOOLKIT), "libnvrtc-builtins.so.12.6 is missing", 12)),
        problems);
  }

  @Test
  void saysWhichPartOfCudnnIsMissing() throws IOException {
    world.cuda(TOOLKIT, "12.6.85", "9.5.1");
    Files.delete(world.path(TOOLKIT + "/libcudnn_ops.so.9"));
    Files.delete(world.path(TOOLKIT + "/libcudnn_ops.so.9.5.1"));
    assertEquals(
        new Problem.Incomplete(
            Component.CUDNN, world.path(TOOLKIT), "libcudnn_ops.so.9 is missing", 12),
        onlyProblem());
  }

  @Test
  void refusesACudnnOfMixedParts() throws IOException {
    world.cuda(TOOLKIT, "12.6.85", "9.5.1");
    Files.delete(world.path(TOOLKIT + "/libcudnn_ops.so.9"));
    Files.delete(world.path(TOOLKIT + "/libcudnn_ops.so.9.5.1"));
    world.library(TOOLKIT, "libcudnn_ops.so.9", "9.1.0");
    Problem problem = onlyProblem();
    assertTrue(problem.message().contains("different versions"), problem.message());
    assertTrue(problem.message().contains("libcudnn_ops 9.1.0"), problem.message());
  }

  @Test
  void wantsNvrtcsOwnBuiltins() throws IOException {
    world.cuda(TOOLKIT, "12.6.85", "9.5.1");
    world.library(TOOLKIT, "libnvrtc-builtins.so.12.9");
    assertEquals("12.6", version(set(), LibraryRole.NVRTC_BUILTINS));
    Files.delete(world.path(TOOLKIT + "/libnvrtc-builtins.so.12.6"));
    Problem problem = onlyProblem();
    assertTrue(problem.message().contains("NVRTC"), problem.message());
    Files.delete(world.path(TOOLKIT + "/libnvrtc-builtins.so.12.9"));
    assertEquals(
        new Problem.Incomplete(
            Component.NVRTC, world.path(TOOLKIT), "libnvrtc-builtins.so.12.6 is missing", 12),
        onlyProblem());
  }

  @Test
  void takesTheBuiltinsVersionForNvrtcs() throws IOException {
    world.cuda(TOOLKIT, "12.6.85", "9.5.1");
    Files.delete(world.path(TOOLKIT + "/libnvrtc.so.12"));
    Files.move(
        world.path(TOOLKIT + "/libnvrtc.so.12.6.85"), world.path(TOOLKIT + "/libnvrtc.so.12"));
    assertEquals("12.6", version(set(), LibraryRole.NVRTC));
  }

  @Test
  void reportsAnOldCudnn() throws IOException {
    world.nvrtc(TOOLKIT, "12.6.85");
    world.cublas(TOOLKIT, "12.6.4.1");
    world.library(SYSTEM, "libcudnn.so.8", "8.9.7");
    assertEquals(
        new Problem.UnsupportedVersion(
            Component.CUDNN, world.path(SYSTEM + "/libcudnn.so.8"), new Version("8")),
        world.find().problems().get(0));
  }

  @Test
  void reportsTheWrongArchitecture() throws IOException {
    world.cuda(TOOLKIT, "12.6.85", "9.5.1");
    byte[] foreign = TestElf.library("libcublas.so.12").machine(183).bytes();
    world.file(TOOLKIT + "/libcublas.so.12.6.85", foreign);
    List<Problem> problems = world.find().problems();
    assertTrue(
        problems.contains(
            new Problem.WrongArchitecture(
                Component.CUBLAS,
                world.path(TOOLKIT + "/libcublas.so.12"),
                "it is built for aarch64, not for x86-64")),
        problems.toString());
  }

  @Test
  void reportsADamagedLibrary() throws IOException {
    world.cuda(TOOLKIT, "12.6.85", "9.5.1");
    byte[] whole = TestElf.library("libcudnn_cnn.so.9").bytes();
    world.file(TOOLKIT + "/libcudnn_cnn.so.9.5.1", Arrays.copyOf(whole, whole.length / 2));
    List<Problem> problems = world.find().problems();
    assertTrue(
        problems.stream()
            .anyMatch(
                each ->
                    each instanceof Problem.Damaged damaged
                        && damaged.path().endsWith("libcudnn_cnn.so.9")
                        && damaged.reason().contains("the file ends at byte")),
        problems.toString());
  }

  @Test
  void reportsALinkToNowhere() throws IOException {
    world.cuda(TOOLKIT, "12.6.85", "9.5.1");
    Files.delete(world.path(TOOLKIT + "/libnvrtc.so.12.6.85"));
    assertTrue(
        world.find().problems().stream()
            .anyMatch(each -> each.message().contains("libnvrtc.so.12 cannot be used")));
  }

  @Test
  void refusesALibraryThatNeedsANewerGlibc() throws IOException {
    world.file(
        SYSTEM + "/libc.so.6",
        TestElf.library("libc.so.6").defines("GLIBC_2.2.5").defines("GLIBC_2.17").bytes());
    world.cuda(TOOLKIT, "12.6.85", "9.5.1");
    world.file(
        TOOLKIT + "/libcudnn.so.9.5.1",
        TestElf.library("libcudnn.so.9").wants("libc.so.6", "GLIBC_2.2.5", "GLIBC_2.27").bytes());
    assertTrue(
        world
            .find()
            .problems()
            .contains(
                new Problem.GlibcTooOld(
                    Component.CUDNN,
                    world.path(TOOLKIT + "/libcudnn.so.9"),
                    new Version("2.27"),
                    new Version("2.17"))));
  }

  @Test
  void refusesALibraryWithoutItsSymbolVersion() throws IOException {
    world.cuda(TOOLKIT, "12.6.85", "9.5.1");
    world.file(
        TOOLKIT + "/libcudnn.so.9.5.1",
        TestElf.empty().entry(14, "libcudnn.so.9").defines("libcudnn.so.8").bytes());
    assertTrue(
        world.find().problems().stream()
            .anyMatch(each -> each.message().contains("does not define symbol version")));
  }

  @Test
  void listsWhatItPassedOver() throws IOException {
    world.cuda(TOOLKIT, "12.6.85", "9.5.1");
    world.library(SYSTEM, "libcudnn.so.8", "8.9.7");
    Found found = world.find();
    assertTrue(found.set().isPresent());
    assertEquals(List.of(), found.problems());
    assertTrue(
        found.passedOver().stream().anyMatch(each -> each.message().contains("libcudnn.so.8")));
  }

  @Test
  void aSetIsNeverIncomplete() throws IOException {
    world.cuda(TOOLKIT, "12.6.85", "9.5.1");
    Map<LibraryRole, CudaLibrary> libraries = new EnumMap<>(set().libraries());
    libraries.remove(LibraryRole.CUDNN_OPS);
    assertThrows(IllegalArgumentException.class, () -> new CudaSet(12, libraries));
  }
}
