package org.nin4j.backend.cuda.natives.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.Platform;
import org.nin4j.backend.cuda.natives.search.LibraryRole.Component;
import org.nin4j.backend.cuda.natives.search.NativesException;
import org.nin4j.backend.cuda.natives.search.Problem;
import org.nin4j.backend.cuda.natives.search.SearchPlaces;
import org.nin4j.backend.cuda.natives.search.Version;
import org.nin4j.backend.cuda.natives.search.World;
import org.nin4j.text.Text;

class DoctorTest {
  private static final String TOOLKIT = "usr/local/cuda-12.6/lib64";
  private static final Gpu TURING = new Gpu(0, "NVIDIA T4", 7, 5, 15L << 30);
  private static final Gpu PASCAL = new Gpu(1, "NVIDIA GTX 1080", 6, 1, 8L << 30);
  private static final Version CUDA = new Version("12.6");

  @TempDir Path root;
  private World world;

  @BeforeEach
  void world() {
    world = new World(root);
  }

  private List<Problem> driverProblems(DriverState driver) {
    return Doctor.driverProblems(driver, world.find().set(), world.places());
  }

  /** No folder is looked into, and none made. */
  @Test
  void onOtherPlatformsItSaysSoAndLooksForNothing() {
    Report report =
        Doctor.examine(
            new SearchPlaces(List.of(), Map.of(), Path.of("none"), Path.of("none")),
            new Platform("Mac OS X", "aarch64"));
    assertEquals(
        "The GPU cannot be used: the GPU backend runs on x86-64 Linux; this is Mac OS X on aarch64",
        report.verdict());
    assertEquals(1, report.problems().size());
    assertFalse(Files.exists(Path.of("none")));
  }

  /** Without libcuda.so.1 nothing is loaded, so the test's own libraries suffice. */
  @Test
  void reportsAMachineWithoutADriver() throws IOException {
    world.cuda(TOOLKIT, "12.6.85", "9.5.1");
    Report report = Doctor.examine(world.places());
    assertFalse(report.usable());
    assertEquals(
        "The GPU cannot be used: no NVIDIA driver: libcuda.so.1 is not to be found",
        report.verdict());
    List<String> lines = report.lines();
    assertEquals("NVIDIA driver                    none", lines.get(0));
    assertEquals(
        Text.of(
            "libnvrtc-builtins                12.6  %s (CUDA toolkit)",
            world.path(TOOLKIT + "/libnvrtc-builtins.so.12.6")),
        lines.get(1));
    assertEquals(
        List.of(
            "cache                            " + world.path("home/user/.cache/nin4j").toRealPath(),
            "problem: no NVIDIA driver: libcuda.so.1 is not to be found",
            "   mend: this machine shows no NVIDIA GPU: use --device cpu",
            "The GPU cannot be used."),
        lines.subList(lines.size() - 4, lines.size()));
  }

  @Test
  void listsWhatThereIsOfAnIncompleteSet() throws IOException {
    world.cublas(TOOLKIT, "12.6.4.1");
    List<String> lines = Doctor.examine(world.places()).lines();
    assertTrue(
        lines.get(1).startsWith("libcublasLt                      12.6.4.1  "), lines.get(1));
    assertTrue(lines.contains("problem: no NVRTC, no cuDNN for CUDA 12 is to be found"));
    assertTrue(
        lines.contains(
            "   mend: pip install nvidia-cuda-nvrtc-cu12 nvidia-cudnn-cu12 (or, from NVIDIA's"
                + " repository, apt install cuda-nvrtc-12-9 libcudnn9-cuda-12); elsewhere"
                + " installed: --cuda-libs DIR"));
  }

  @Test
  void tellsAMissingDriverFromAMissingGpu() throws IOException {
    assertEquals(new Problem.NoDriver(false, false), Doctor.noDriver(root));
    world.file("sys/bus/pci/devices/0000:00:1f.0/vendor", "0x8086\n".getBytes());
    world.file("sys/bus/pci/devices/0000:00:1f.0/class", "0x030000\n".getBytes());
    assertEquals(new Problem.NoDriver(false, false), Doctor.noDriver(root));
    world.file("sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n".getBytes());
    world.file("sys/bus/pci/devices/0000:01:00.0/class", "0x030200\n".getBytes());
    assertEquals(new Problem.NoDriver(true, false), Doctor.noDriver(root));
    world.file(".dockerenv", new byte[0]);
    assertEquals(new Problem.NoDriver(true, true), Doctor.noDriver(root));
  }

  @Test
  void isContentWithAGoodDriverAndGpu() throws IOException {
    world.cuda(TOOLKIT, "12.6.85", "9.5.1");
    assertEquals(List.of(), driverProblems(new DriverState(CUDA, 0, List.of(PASCAL, TURING))));
    assertEquals(
        Optional.of(TURING), new DriverState(CUDA, 0, List.of(PASCAL, TURING)).firstSupported());
  }

  @Test
  void judgesTheDriver() throws IOException {
    DriverState old = new DriverState(new Version("12.4"), 0, List.of(TURING));
    assertEquals(List.of(), driverProblems(old));
    world.cuda("usr/local/cuda-13.0/lib64", "13.0.48", "9.13.0");
    assertEquals(List.of(new Problem.DriverTooOld(new Version("12.4"), 13)), driverProblems(old));
    assertEquals(
        List.of(new Problem.DriverFailed(34, "CUDA_ERROR_STUB_LIBRARY")),
        driverProblems(new DriverState(new Version("0.0"), 34, List.of())));
    assertEquals(
        List.of(new Problem.DriverFailed(999, "CUDA_ERROR_UNKNOWN")),
        driverProblems(new DriverState(new Version("13.0"), 999, List.of())));
  }

  @Test
  void judgesTheGpus() {
    world.environment().put("CUDA_VISIBLE_DEVICES", "");
    assertEquals(
        List.of(new Problem.NoGpuVisible(Optional.of(""))),
        driverProblems(new DriverState(CUDA, 100, List.of())));
    world.environment().clear();
    assertEquals(
        List.of(new Problem.NoGpuVisible(Optional.empty())),
        driverProblems(new DriverState(CUDA, 0, List.of())));
    assertEquals(
        List.of(new Problem.GpuTooOld("NVIDIA GTX 1080", 6, 1)),
        driverProblems(new DriverState(CUDA, 0, List.of(PASCAL))));
  }

  @Test
  void judgesTheCompiler() {
    DriverState driver = new DriverState(CUDA, 0, List.of(TURING));
    assertEquals(List.of(), Doctor.compilerProblems(driver, List.of(70, 75, 80), CUDA));
    assertEquals(List.of(), Doctor.compilerProblems(driver, List.of(), CUDA));
    assertEquals(
        List.of(new Problem.GpuTooNew("NVIDIA T4", 7, 5, CUDA, 12)),
        Doctor.compilerProblems(driver, List.of(50, 70), CUDA));
  }

  /** Each problem names its cause, and its remedy is something one can type or do. */
  @Test
  void everyRemedyIsConcrete() {
    Path path = Path.of("/x/libcudnn.so.9");
    Version version = new Version("2.27");
    assertRemedy("sudo apt install nvidia-driver", new Problem.NoDriver(true, false));
    assertRemedy("docker run --gpus all", new Problem.NoDriver(true, true));
    assertRemedy("--device cpu", new Problem.NoDriver(false, true));
    assertRemedy(
        "driver 580 or newer, or libraries for it: pip install nvidia-cuda-nvrtc-cu12"
            + " nvidia-cublas-cu12 nvidia-cudnn-cu12",
        new Problem.DriverTooOld(new Version("12.4"), 13));
    assertRemedy("install driver 525", new Problem.DriverTooOld(new Version("11.8"), 12));
    assertRemedy("nvidia-smi", new Problem.DriverFailed(999, "CUDA_ERROR_UNKNOWN"));
    assertRemedy("nvidia-fabricmanager", new Problem.DriverFailed(802, "?"));
    assertRemedy("restart the machine", new Problem.DriverFailed(803, "?"));
    assertRemedy("stub", new Problem.DriverFailed(34, "CUDA_ERROR_STUB_LIBRARY"));
    assertRemedy("unset CUDA_VISIBLE_DEVICES", new Problem.NoGpuVisible(Optional.of("")));
    assertRemedy("nvidia-smi -L", new Problem.NoGpuVisible(Optional.empty()));
    assertRemedy("--device cpu", new Problem.GpuTooOld("GPU", 6, 1));
    assertRemedy(
        "pip install --upgrade nvidia-cuda-nvrtc nvidia-cublas nvidia-cudnn-cu13",
        new Problem.GpuTooNew("GPU", 12, 1, version, 13));
    assertRemedy(
        "pip install nvidia-cudnn-cu13", new Problem.Missing(List.of(Component.CUDNN), 13));
    assertRemedy(
        "apt install libcublas-12-9",
        new Problem.Incomplete(Component.CUBLAS, path, "libcublasLt.so.12 is missing", 12));
    assertRemedy("--cuda-libs DIR", new Problem.WrongArchitecture(Component.CUDNN, path, "?"));
    assertRemedy("64-bit", new Problem.WrongArchitecture(Component.DRIVER, path, "?"));
    assertRemedy("anew", new Problem.Damaged(Component.CUDNN, path, "?"));
    assertRemedy("pip install", new Problem.UnsupportedVersion(Component.CUDNN, path, version));
    assertRemedy("pip install nvidia-cudnn-cu12", new Problem.CudnnForOtherCuda(path, 13, 12));
    assertRemedy(
        "newer distribution", new Problem.GlibcTooOld(Component.CUDNN, path, version, version));
    assertRemedy("libcudnn.so.9", new Problem.SettingUnused(List.of(path)));
    assertRemedy("off LD_LIBRARY_PATH", new Problem.JCudaShadowed(path));
    assertRemedy("zlib1g", new Problem.LoadFailed(path, "libz.so.1: cannot open shared object"));
    assertRemedy("unset LD_BIND_NOW", new Problem.LoadFailed(path, "undefined symbol: cudnnRNN"));
    assertRemedy("--cuda-libs DIR", new Problem.LoadFailed(path, "libx.so: cannot open"));
    assertRemedy("new process", new Problem.AlreadyLoaded(path));
    assertRemedy("nvidia-smi", new Problem.CallFailed("cudnnCreate", "failure"));
    assertRemedy("--device cpu", new Problem.UnsupportedPlatform(new Platform("Linux", "aarch64")));
  }

  private static void assertRemedy(String expected, Problem problem) {
    assertTrue(problem.remedy().contains(expected), problem.remedy());
    assertFalse(problem.message().contains("\n") || problem.remedy().contains("\n"));
    NativesException exception = new NativesException(problem);
    assertEquals(problem.message() + "; to mend it: " + problem.remedy(), exception.getMessage());
  }
}
