package org.nin4j.backend.cuda.natives.search;

import java.nio.file.Path;
import java.util.List;

/** For tests elsewhere: what {@link LinkerCache} makes of a file. */
public final class LinkerCacheFile {
  private LinkerCacheFile() {}

  public static int entries(Path file) {
    return LinkerCache.read(file).size();
  }

  /** One as glibc writes it. */
  public static byte[] example() {
    return LinkerCacheTest.cache(
        List.of(
            new LinkerCache.Entry("libcuda.so.1", "/lib/libcuda.so.1"),
            new LinkerCache.Entry("libm.so.6", "/lib/libm.so.6")));
  }
}
