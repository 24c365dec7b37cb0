package org.nin4j.backend.cuda.natives.search;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RedistributableTest {
  private static final String JAR =
      "home/user/.m2/repository/org/bytedeco/cuda/12.6-9.5-1.5.11/"
          + "cuda-12.6-9.5-1.5.11-linux-x86_64-redist.jar";
  private static final String TOOLKIT = "usr/local/cuda-12.9/lib64";

  @TempDir Path root;
  private World world;
  private CacheDirectory cache;

  @BeforeEach
  void world() throws IOException {
    root = root.toRealPath();
    world = new World(root);
    world.driver("560.35.03");
    cache = CacheDirectory.at(world.path("cache"));
  }

  /** The artifact's layout, with libraries that the backend does not use among the others. */
  private void writeJar() throws IOException {
    World source = new World(Files.createDirectory(root.resolve("source")));
    source.cuda("it", "12.6.85", "9.5.1");
    source.library("it", "libcufft.so.11");
    Path jar = world.path(JAR);
    Files.createDirectories(jar.getParent());
    try (OutputStream file = Files.newOutputStream(jar);
        ZipOutputStream zip = new ZipOutputStream(file);
        Stream<Path> libraries = Files.list(source.path("it"))) {
      for (Path library : libraries.filter(Files::isSymbolicLink).toList()) {
        add(zip, library);
      }
      add(zip, source.path("it/libnvrtc-builtins.so.12.6"));
      add(zip, source.path("it/libcufft.so.11"));
    }
  }

  private static void add(ZipOutputStream zip, Path library) throws IOException {
    zip.putNextEntry(new ZipEntry("org/bytedeco/cuda/linux-x86_64/" + library.getFileName()));
    zip.write(Files.readAllBytes(library));
  }

  @Test
  void isUnpackedOnceWhereThereIsNothingElse() throws IOException {
    writeJar();
    Found found = CudaLibraries.find(world.places(), cache);
    assertEquals(List.of(), found.problems());
    CudaLibrary cudnn = found.set().orElseThrow().library(LibraryRole.CUDNN);
    assertEquals(Origin.MAVEN, cudnn.origin());
    assertTrue(cudnn.path().startsWith(cache.folder().resolve("redistributable")));
    assertFalse(Files.exists(cudnn.path().resolveSibling("libcufft.so.11")));
    Object before = Files.getAttribute(cudnn.path(), "unix:ino");
    CudaLibraries.find(world.places(), cache);
    assertEquals(before, Files.getAttribute(cudnn.path(), "unix:ino"));
  }

  @Test
  void isLeftAloneWhereThereIsAnInstalledSet() throws IOException {
    writeJar();
    world.cuda(TOOLKIT, "12.9.86", "9.10.2");
    CudaSet set = CudaLibraries.find(world.places(), cache).set().orElseThrow();
    assertEquals(Origin.TOOLKIT, set.library(LibraryRole.CUDNN).origin());
    assertFalse(Files.exists(cache.folder().resolve("redistributable")));
  }

  @Test
  void isLeftAloneWithoutADriver() throws IOException {
    writeJar();
    Files.delete(world.path("usr/lib/x86_64-linux-gnu/libcuda.so.1"));
    Files.delete(world.path("usr/lib/x86_64-linux-gnu/libcuda.so.560.35.03"));
    assertTrue(CudaLibraries.find(world.places(), cache).set().isEmpty());
    assertFalse(Files.exists(cache.folder().resolve("redistributable")));
  }

  @Test
  void reportsADamagedJar() throws IOException {
    world.file(JAR, "no jar".getBytes());
    NativesException e =
        assertThrows(NativesException.class, () -> CudaLibraries.find(world.places(), cache));
    assertTrue(e.getMessage().contains(world.path(JAR) + " does not load"), e.getMessage());
  }
}
