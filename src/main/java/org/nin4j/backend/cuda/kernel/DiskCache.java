package org.nin4j.backend.cuda.kernel;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import java.util.function.Consumer;
import org.nin4j.backend.cuda.natives.search.CacheDirectory;
import org.nin4j.backend.cuda.natives.search.NativesException;

/**
 * Results that are expensive to compute, kept from one process to the next. Each lies in a file
 * named after the hash of its key and begins with the hash of key and content; one that does not
 * match is as good as absent. Files appear whole, by renaming. Where the folder cannot be used
 * there is one warning, and work goes on without it.
 */
public final class DiskCache {
  private static final int HASH_BYTES = 32;

  private final Consumer<String> warnings;
  private Optional<Path> folder;

  /** Opens the cache in a folder, which is made if it does not exist. */
  public DiskCache(Path chosen, Consumer<String> warnings) {
    this.warnings = warnings;
    try {
      folder = Optional.of(CacheDirectory.at(chosen).folder());
    } catch (NativesException unusable) {
      giveUp(unusable.problem().message());
    }
  }

  /** What is kept under the key. */
  public Optional<byte[]> get(String kind, String key) {
    if (folder.isEmpty()) {
      return Optional.empty();
    }
    try {
      byte[] file = Files.readAllBytes(file(kind, key));
      byte[] content = Arrays.copyOfRange(file, Math.min(HASH_BYTES, file.length), file.length);
      boolean whole =
          file.length >= HASH_BYTES
              && MessageDigest.isEqual(Arrays.copyOf(file, HASH_BYTES), hash(key, content));
      return whole ? Optional.of(content) : Optional.empty();
    } catch (NoSuchFileException absent) {
      return Optional.empty();
    } catch (IOException e) {
      giveUp(reason(e));
      return Optional.empty();
    }
  }

  /** Keeps it, in the place of what was there. */
  public void put(String kind, String key, byte[] content) {
    if (folder.isEmpty()) {
      return;
    }
    try {
      Path target = file(kind, key);
      if (!Files.isDirectory(target.getParent(), LinkOption.NOFOLLOW_LINKS)) {
        Files.createDirectories(
            target.getParent(),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      }
      Path fresh = Files.createTempFile(target.getParent(), ".new-", "");
      try {
        byte[] file = Arrays.copyOf(hash(key, content), HASH_BYTES + content.length);
        System.arraycopy(content, 0, file, HASH_BYTES, content.length);
        Files.write(fresh, file);
        Files.move(fresh, target, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(fresh);
      }
    } catch (IOException e) {
      giveUp(reason(e));
    }
  }

  private void giveUp(String reason) {
    folder = Optional.empty();
    warnings.accept(
        "Kernels and chosen algorithms are not kept for the next start: "
            + reason
            + "; set "
            + CacheDirectory.VARIABLE
            + " to a folder that can be written.");
  }

  private static String reason(IOException e) {
    return e instanceof FileSystemException fault && fault.getReason() != null
        ? fault.getFile() + ": " + fault.getReason()
        : e.toString();
  }

  private Path file(String kind, String key) {
    String name = HexFormat.of().formatHex(hash(key, new byte[0]), 0, HASH_BYTES / 2);
    return folder.orElseThrow().resolve(kind).resolve(name);
  }

  private static byte[] hash(String key, byte[] content) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] text = key.getBytes(StandardCharsets.UTF_8);
      digest.update((text.length + ":").getBytes(StandardCharsets.UTF_8));
      digest.update(text);
      return digest.digest(content);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }
}
