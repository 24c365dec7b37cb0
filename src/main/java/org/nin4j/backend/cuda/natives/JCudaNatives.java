package org.nin4j.backend.cuda.natives;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import jcuda.JCudaVersion;
import jcuda.LibUtils;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcudnn.JCudnn;
import jcuda.nvrtc.JNvrtc;
import org.nin4j.backend.Platform;
import org.nin4j.backend.cuda.natives.elf.ElfFile;
import org.nin4j.backend.cuda.natives.elf.Retargeting;
import org.nin4j.backend.cuda.natives.search.CacheDirectory;
import org.nin4j.backend.cuda.natives.search.CudaLibrary;
import org.nin4j.backend.cuda.natives.search.CudaSet;
import org.nin4j.backend.cuda.natives.search.Found;
import org.nin4j.backend.cuda.natives.search.LibraryRole;
import org.nin4j.backend.cuda.natives.search.NativesException;
import org.nin4j.backend.cuda.natives.search.Problem;
import org.nin4j.backend.cuda.natives.search.Version;
import org.nin4j.text.Text;

/**
 * Brings up JCuda on a set of CUDA libraries.
 *
 * <p>The libraries are loaded by absolute path, dependencies first; JCuda's natives are pointed at
 * their sonames ({@link Retargeting}), put into the user's cache and loaded from there; then
 * JCuda's classes are initialised. JCuda looks for its natives first on Java's library path, then
 * in the temporary folder, which other users can write to; here the first must hold none and the
 * second is the cache entry while the classes are initialised, so nothing else is ever loaded.
 *
 * <p>Call this before any class of JCuda is touched, and from one thread at the program's start:
 * for some milliseconds, {@code java.io.tmpdir} names the cache entry.
 *
 * <p>What a process has loaded it cannot take back. This class therefore remembers it, and calls
 * with the same libraries do nothing more.
 */
public final class JCudaNatives {
  private static final String DRIVER = "JCudaDriver";
  private static final List<String> OTHERS = List.of("JNvrtc", "JCublas2", "JCudnn");
  private static final String CACHE_KIND = "natives";

  /** Guarded by this class: what the process has loaded, by soname. */
  private static final Map<String, Path> LOADED = new HashMap<>();

  private JCudaNatives() {}

  /**
   * Loads the driver and all libraries, and initialises JCudaDriver, JNvrtc, JCublas2 and JCudnn.
   *
   * @throws NativesException with the first problem, if anything is missing or does not load
   */
  public static LibraryVersions load(Found found, CacheDirectory cache) {
    CudaLibrary driver =
        found.driver().orElseThrow(() -> new NativesException(new Problem.NoDriver(false, false)));
    if (!found.problems().isEmpty()) {
      throw new NativesException(found.problems().get(0));
    }
    loadDriver(driver, cache);
    return loadLibraries(found.set().orElseThrow(), cache);
  }

  /**
   * Loads the driver's library and initialises JCudaDriver.
   *
   * @throws NativesException if it does not load
   */
  public static synchronized void loadDriver(CudaLibrary driver, CacheDirectory cache) {
    checkPlatform();
    loadOnce(driver);
    initialise(cache.install(CACHE_KIND, Map.of(fileName(DRIVER), resource(DRIVER))), DRIVER);
  }

  /**
   * Loads NVRTC, cuBLAS and cuDNN and initialises JNvrtc, JCublas2 and JCudnn. It needs no driver.
   *
   * @throws NativesException if one does not load
   */
  public static synchronized LibraryVersions loadLibraries(CudaSet set, CacheDirectory cache) {
    checkPlatform();
    set.inLoadOrder().forEach(JCudaNatives::loadOnce);
    Map<String, byte[]> natives = new TreeMap<>();
    OTHERS.forEach(name -> natives.put(fileName(name), retargeted(name, set)));
    Path folder = cache.install(CACHE_KIND, natives);
    OTHERS.forEach(name -> initialise(folder, name));
    checkCudnnsCuda(set);
    return versions(set);
  }

  /**
   * Refuses machines that JCuda's natives are not for, before anything is looked for that only
   * Linux has.
   *
   * @throws NativesException if this is one
   */
  public static void checkPlatform() {
    platformProblem(Platform.ofThisMachine())
        .ifPresent(
            problem -> {
              throw new NativesException(problem);
            });
  }

  public static Optional<Problem> platformProblem(Platform platform) {
    return platform.hasCuda()
        ? Optional.empty()
        : Optional.of(new Problem.UnsupportedPlatform(platform));
  }

  private static void loadOnce(CudaLibrary library) {
    loadOnce(library.soname(), library.path());
  }

  private static void loadOnce(String soname, Path path) {
    Path loaded = LOADED.get(soname);
    if (loaded == null) {
      try {
        System.load(path.toAbsolutePath().toString());
      } catch (UnsatisfiedLinkError refused) {
        NativesException exception =
            new NativesException(new Problem.LoadFailed(path, linkerMessage(path, refused)));
        exception.initCause(refused);
        throw exception;
      }
      LOADED.put(soname, path);
    } else if (!loaded.equals(path)) {
      throw new NativesException(new Problem.AlreadyLoaded(loaded));
    }
  }

  /** Java puts the path in front of what the linker says, which may begin with it too. */
  private static String linkerMessage(Path path, UnsatisfiedLinkError refused) {
    return String.valueOf(refused.getMessage()).replace(path + ": ", "");
  }

  /** One of JCuda's natives, asking for the set's sonames. */
  static byte[] retargeted(String name, CudaSet set) {
    byte[] original = resource(name);
    Map<String, String> sonames = new HashMap<>();
    try {
      for (String needed : ElfFile.of(original).needed()) {
        LibraryRole.ofName(needed)
            .filter(role -> role != LibraryRole.DRIVER)
            .ifPresent(role -> sonames.put(needed, set.library(role).soname()));
      }
      return Retargeting.retarget(original, sonames);
    } catch (IOException e) {
      throw new NativesException(
          new Problem.LoadFailed(
              Path.of(fileName(name)),
              "it cannot be pointed at " + sonames.values() + ": " + e.getMessage()));
    }
  }

  private static byte[] resource(String name) {
    String path = "/lib/" + fileName(name);
    try (InputStream stream = JCudaDriver.class.getResourceAsStream(path)) {
      if (stream == null) {
        throw new NativesException(
            new Problem.LoadFailed(
                Path.of(path), "JCuda's jar of natives is not on the class path"));
      }
      return stream.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static String fileName(String name) {
    return LibUtils.createLibraryFileName(
        LibUtils.createPlatformLibraryName(name + "-" + JCudaVersion.get()));
  }

  private static void initialise(Path folder, String name) {
    String fileName = fileName(name);
    Path file = folder.resolve(fileName);
    if (file.equals(LOADED.get(fileName))) {
      return;
    }
    checkUnshadowed(fileName);
    // First without JCuda, whose own message on a failure hides the cause in two stack traces.
    loadOnce(fileName, file);
    String temporary = System.setProperty("java.io.tmpdir", folder.toString());
    try {
      switch (name) {
        case "JCudaDriver" -> JCudaDriver.setExceptionsEnabled(false);
        case "JNvrtc" -> JNvrtc.setExceptionsEnabled(false);
        case "JCublas2" -> JCublas2.setExceptionsEnabled(false);
        case "JCudnn" -> JCudnn.setExceptionsEnabled(false);
        default -> throw new IllegalArgumentException(name);
      }
    } finally {
      System.setProperty("java.io.tmpdir", temporary);
    }
  }

  private static void checkUnshadowed(String fileName) {
    for (String property : List.of("sun.boot.library.path", "java.library.path")) {
      for (String folder : System.getProperty(property, "").split(File.pathSeparator)) {
        Path file = Path.of(folder).resolve(fileName).toAbsolutePath();
        if (Files.exists(file)) {
          throw new NativesException(new Problem.JCudaShadowed(file));
        }
      }
    }
  }

  /** cuDNN opens cuBLAS and NVRTC by name when it first needs them: of the CUDA it is built for. */
  private static void checkCudnnsCuda(CudaSet set) {
    // As in cuda.h, 1000 * major + 10 * minor; cuDNN 9 knows no CUDA before 11.
    int builtFor = (int) (JCudnn.cudnnGetCudartVersion() / 1000);
    if (builtFor >= 11 && builtFor != set.cudaMajor()) {
      throw new NativesException(
          new Problem.CudnnForOtherCuda(
              set.library(LibraryRole.CUDNN).path(), builtFor, set.cudaMajor()));
    }
  }

  private static LibraryVersions versions(CudaSet set) {
    int[] major = new int[1];
    int[] minor = new int[1];
    int[] patch = new int[1];
    Version nvrtc =
        JNvrtc.nvrtcVersion(major, minor) == 0
            ? new Version(major[0] + "." + minor[0])
            : set.library(LibraryRole.NVRTC).version();
    boolean told =
        JCublas2.cublasGetProperty(0, major) == 0
            && JCublas2.cublasGetProperty(1, minor) == 0
            && JCublas2.cublasGetProperty(2, patch) == 0;
    Version cublas =
        told
            ? new Version(major[0] + "." + minor[0] + "." + patch[0])
            : set.library(LibraryRole.CUBLAS).version();
    // cudnn_version.h: major * 10000 + minor * 100 + patch.
    long cudnn = JCudnn.cudnnGetVersion();
    return new LibraryVersions(
        nvrtc,
        cublas,
        new Version(Text.of("%d.%d.%d", cudnn / 10000, cudnn / 100 % 100, cudnn % 100)));
  }
}
