package org.nin4j.backend.cuda.natives.doctor;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import jcuda.driver.CUresult;
import org.nin4j.backend.Platform;
import org.nin4j.backend.cuda.natives.JCudaNatives;
import org.nin4j.backend.cuda.natives.LibraryVersions;
import org.nin4j.backend.cuda.natives.search.CacheDirectory;
import org.nin4j.backend.cuda.natives.search.CudaLibraries;
import org.nin4j.backend.cuda.natives.search.CudaSet;
import org.nin4j.backend.cuda.natives.search.Found;
import org.nin4j.backend.cuda.natives.search.NativesException;
import org.nin4j.backend.cuda.natives.search.Problem;
import org.nin4j.backend.cuda.natives.search.SearchPlaces;
import org.nin4j.backend.cuda.natives.search.Version;

/** Finds out whether training on the GPU would work on this machine, and if not, why. */
public final class Doctor {

  private Doctor() {}

  /**
   * Examines driver, GPUs and libraries as far as each step lets the next one go, up to opening a
   * context, cuBLAS and cuDNN on the first GPU that is new enough. Whatever is wrong becomes a
   * {@link Problem} of the report; nothing is thrown for it.
   */
  public static Report examine(SearchPlaces places) {
    return examine(places, Platform.ofThisMachine());
  }

  /** That there is no driver, where there is none: the whole examination would begin with it. */
  public static Optional<Problem> noDriver(SearchPlaces places) {
    return CudaLibraries.hasDriver(places)
        ? Optional.empty()
        : Optional.of(noDriver(places.root()));
  }

  /** The same on a given platform; where it has no CUDA for us, nothing is looked for. */
  static Report examine(SearchPlaces places, Platform platform) {
    Optional<Problem> unsupported = JCudaNatives.platformProblem(platform);
    if (unsupported.isPresent()) {
      return new Report(
          Found.NOTHING,
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          List.of(),
          List.of(unsupported.get()));
    }
    List<Problem> problems = new ArrayList<>();
    Optional<CacheDirectory> cache = Optional.empty();
    List<String> notes = new ArrayList<>();
    Found found;
    try {
      cache =
          Optional.of(
              CacheDirectory.of(
                  places.environment(), places.home(), places.root().resolve("tmp"), notes::add));
      found = CudaLibraries.find(places, cache.get());
    } catch (NativesException unusable) {
      problems.add(unusable.problem());
      found = CudaLibraries.find(places);
    }
    if (found.driver().isEmpty()) {
      problems.add(noDriver(places.root()));
    }
    problems.addAll(found.problems());
    Optional<DriverState> driver = Optional.empty();
    Optional<LibraryVersions> versions = Optional.empty();
    if (found.driver().isPresent() && cache.isPresent()) {
      try {
        JCudaNatives.loadDriver(found.driver().get(), cache.get());
        driver = Optional.of(DriverState.ask());
        problems.addAll(driverProblems(driver.get(), found.set(), places));
        if (found.set().isPresent()) {
          versions = Optional.of(JCudaNatives.loadLibraries(found.set().get(), cache.get()));
          problems.addAll(
              compilerProblems(driver.get(), DriverState.compilable(), versions.get().nvrtc()));
        }
        if (problems.isEmpty()) {
          driver.get().firstSupported().flatMap(DriverState::tryOut).ifPresent(problems::add);
        }
      } catch (NativesException failed) {
        problems.add(failed.problem());
      }
    }
    return new Report(found, driver, versions, cache.map(CacheDirectory::folder), notes, problems);
  }

  /** What is wrong with a driver that answers. */
  static List<Problem> driverProblems(
      DriverState driver, Optional<CudaSet> set, SearchPlaces places) {
    List<Problem> problems = new ArrayList<>();
    int wanted = set.map(CudaSet::cudaMajor).orElse(oldestCuda());
    // A driver that does not start may not tell its version either, and gives 0.
    if (driver.cuda().major() > 0 && driver.cuda().major() < wanted) {
      problems.add(new Problem.DriverTooOld(driver.cuda(), wanted));
    }
    Optional<String> visible =
        Optional.ofNullable(places.environment().get("CUDA_VISIBLE_DEVICES"));
    if (driver.initResult() == CUresult.CUDA_ERROR_NO_DEVICE) {
      problems.add(new Problem.NoGpuVisible(visible));
    } else if (driver.initResult() != CUresult.CUDA_SUCCESS) {
      problems.add(new Problem.DriverFailed(driver.initResult(), resultName(driver.initResult())));
    } else if (driver.gpus().isEmpty()) {
      problems.add(new Problem.NoGpuVisible(visible));
    } else if (driver.firstSupported().isEmpty()) {
      Gpu first = driver.gpus().get(0);
      problems.add(new Problem.GpuTooOld(first.name(), first.computeMajor(), first.computeMinor()));
    }
    return problems;
  }

  /** JCuda 11.7.0 does not know the newer errors by name. */
  private static String resultName(int code) {
    String name = CUresult.stringFor(code);
    return name.startsWith("CUDA_") ? name : "an unknown error";
  }

  /** Whether NVRTC compiles for the GPU; {@code compilable} is empty if it does not say. */
  static List<Problem> compilerProblems(
      DriverState driver, List<Integer> compilable, Version nvrtc) {
    return driver
        .firstSupported()
        .filter(gpu -> !compilable.isEmpty())
        .filter(gpu -> !compilable.contains(gpu.computeMajor() * 10 + gpu.computeMinor()))
        .map(
            gpu ->
                List.<Problem>of(
                    new Problem.GpuTooNew(
                        gpu.name(),
                        gpu.computeMajor(),
                        gpu.computeMinor(),
                        nvrtc,
                        Math.min(driver.cuda().major(), CudaLibraries.CUDA_MAJORS.get(0)))))
        .orElse(List.of());
  }

  private static int oldestCuda() {
    return CudaLibraries.CUDA_MAJORS.get(CudaLibraries.CUDA_MAJORS.size() - 1);
  }

  /** Why there may be no driver: tells a machine without a GPU from one that lacks its driver. */
  static Problem noDriver(Path root) {
    boolean kernelModule = Files.exists(root.resolve("proc/driver/nvidia/version"));
    boolean container =
        Stream.of(".dockerenv", "run/.containerenv")
            .anyMatch(file -> Files.exists(root.resolve(file)));
    return new Problem.NoDriver(kernelModule || nvidiaOnBus(root), container);
  }

  private static boolean nvidiaOnBus(Path root) {
    Path devices = root.resolve("sys/bus/pci/devices");
    if (!Files.isDirectory(devices)) {
      return false;
    }
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(devices)) {
      for (Path device : entries) {
        // PCI's vendor 0x10de is NVIDIA; classes 0x03xxxx are display controllers.
        if (Files.readString(device.resolve("vendor")).startsWith("0x10de")
            && Files.readString(device.resolve("class")).startsWith("0x03")) {
          return true;
        }
      }
    } catch (IOException unreadable) {
      return false;
    }
    return false;
  }
}
