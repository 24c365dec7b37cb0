package org.nin4j.backend.cuda.natives.search;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.nin4j.text.Text;

/**
 * The CUDA libraries that JavaCPP's presets redistribute as a jar, {@code
 * org.bytedeco:cuda:…:linux-x86_64-redist}: for a machine that has nothing but the driver.
 */
final class Redistributable {
  private static final String FOLDER = "org/bytedeco/cuda/linux-x86_64/";

  private Redistributable() {}

  /**
   * Unpacks what the backend uses into the cache, once.
   *
   * @return the folder with the libraries
   * @throws NativesException if the cache cannot take them, or the jar is damaged
   */
  static Path unpack(Path jar, CacheDirectory cache) {
    try (ZipFile zip = new ZipFile(jar.toFile())) {
      List<? extends ZipEntry> libraries =
          zip.stream().filter(entry -> isLibrary(entry.getName())).toList();
      String name =
          Text.of(
              "%s-%x-%x",
              jar.getFileName().toString().replace(".jar", ""),
              Files.size(jar),
              Files.getLastModifiedTime(jar).toMillis());
      return cache.install(
          "redistributable",
          name,
          folder -> {
            for (ZipEntry entry : libraries) {
              try (InputStream content = zip.getInputStream(entry)) {
                Files.copy(content, folder.resolve(fileName(entry)));
              }
            }
          },
          folder -> {
            for (ZipEntry entry : libraries) {
              // Renamed into place when whole, so the size tells whether it still is.
              if (Files.size(folder.resolve(fileName(entry))) != entry.getSize()) {
                return false;
              }
            }
            return true;
          });
    } catch (IOException e) {
      throw new NativesException(
          new Problem.LoadFailed(jar, "the jar cannot be read (" + e.getMessage() + ")"));
    }
  }

  private static boolean isLibrary(String entry) {
    return entry.startsWith(FOLDER)
        && LibraryRole.ofName(entry.substring(FOLDER.length())).isPresent();
  }

  private static String fileName(ZipEntry entry) {
    return entry.getName().substring(FOLDER.length());
  }
}
