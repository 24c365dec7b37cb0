package org.nin4j.backend.cuda.kernel;

import java.nio.file.Path;
import java.util.List;
import org.nin4j.backend.cuda.natives.JCudaNatives;
import org.nin4j.backend.cuda.natives.LibraryVersions;
import org.nin4j.backend.cuda.natives.search.CacheDirectory;
import org.nin4j.backend.cuda.natives.search.CudaLibraries;
import org.nin4j.backend.cuda.natives.search.CudaSet;
import org.nin4j.backend.cuda.natives.search.Found;
import org.nin4j.backend.cuda.natives.search.SearchPlaces;

/**
 * Compiles all kernels with the real NVRTC, which needs no GPU, into a cache folder that the kit
 * takes along. The key of an entry holds NVRTC's version, so that the backend takes it where the
 * same NVRTC would have made it, and elsewhere compiles as ever.
 */
public final class CompiledKernels {
  /** A100, H100 and H200, B200. */
  private static final List<Integer> CAPABILITIES = List.of(80, 90, 100);

  private CompiledKernels() {}

  /**
   * @param arguments the folder with the CUDA libraries, the cache folder, and the names of the
   *     kernel files
   */
  public static void main(String[] arguments) {
    List<Path> libraries = List.of(Path.of(arguments[0]));
    Path folder = Path.of(arguments[1]);
    List<String> files = List.of(arguments).subList(2, arguments.length);
    Found found =
        CudaLibraries.find(
            SearchPlaces.ofThisMachine(libraries), CacheDirectory.ofThisUser(System.err::println));
    CudaSet set =
        found
            .set()
            .orElseThrow(() -> new IllegalStateException("no CUDA libraries in " + arguments[0]));
    LibraryVersions versions =
        JCudaNatives.loadLibraries(set, CacheDirectory.ofThisUser(System.err::println));
    DiskCache cache = new DiskCache(folder, CompiledKernels::giveUp);
    for (int capability : CAPABILITIES) {
      KernelCompiler compiler = new KernelCompiler(cache, capability);
      files.forEach(file -> compiler.compile(KernelSource.of(file)));
    }
    System.out.printf(
        "kernels compiled by NVRTC %s for %s%n",
        versions.nvrtc(), String.join(", ", CAPABILITIES.stream().map(c -> "sm_" + c).toList()));
  }

  private static void giveUp(String warning) {
    throw new IllegalStateException(warning);
  }
}
