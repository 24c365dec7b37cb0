package org.nin4j.backend.cuda.natives.search;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.nin4j.backend.cuda.natives.elf.TestElf;

/** A file system and an environment of a test's own, with CUDA libraries where the test wants. */
public final class World {
  static final List<String> CUDNN_PARTS =
      List.of(
          "_graph",
          "_ops",
          "_cnn",
          "_heuristic",
          "_engines_precompiled",
          "_engines_runtime_compiled",
          "_adv",
          "");

  final Path root;
  private final Map<String, String> environment = new HashMap<>();
  List<Path> setting = List.of();

  public World(Path root) {
    this.root = root;
  }

  public SearchPlaces places() {
    return new SearchPlaces(setting, environment, path("home/user"), root);
  }

  public Found find() {
    return CudaLibraries.find(places());
  }

  public Path path(String relative) {
    return root.resolve(relative);
  }

  /** Writes a file, with the folders above it. */
  public Path file(String relative, byte[] content) throws IOException {
    Files.createDirectories(path(relative).getParent());
    return Files.write(path(relative), content);
  }

  /** A library in a folder, under its soname. */
  void library(String folder, String soname) throws IOException {
    file(folder + "/" + soname, TestElf.library(soname).bytes());
  }

  /** A library as packages install it: under its full version, with a link named as the soname. */
  void library(String folder, String soname, String version) throws IOException {
    String stem = soname.substring(0, soname.indexOf(".so.") + 4);
    Path real = file(folder + "/" + stem + version, TestElf.library(soname).bytes());
    Files.createSymbolicLink(real.resolveSibling(soname), real.getFileName());
  }

  void nvrtc(String folder, String version) throws IOException {
    String[] numbers = version.split("\\.");
    library(folder, "libnvrtc.so." + numbers[0], version);
    library(folder, "libnvrtc-builtins.so." + numbers[0] + "." + numbers[1]);
  }

  public void cublas(String folder, String version) throws IOException {
    String major = version.split("\\.")[0];
    library(folder, "libcublas.so." + major, version);
    library(folder, "libcublasLt.so." + major, version);
  }

  void cudnn(String folder, String version) throws IOException {
    for (String part : CUDNN_PARTS) {
      library(folder, "libcudnn" + part + ".so.9", version);
    }
  }

  /** Everything but the driver. */
  public void cuda(String folder, String version, String cudnnVersion) throws IOException {
    nvrtc(folder, version);
    cublas(folder, version);
    cudnn(folder, cudnnVersion);
  }

  /** The driver, where distributions put it. */
  void driver(String version) throws IOException {
    library("usr/lib/x86_64-linux-gnu", "libcuda.so.1", version);
  }

  public Map<String, String> environment() {
    return environment;
  }
}
