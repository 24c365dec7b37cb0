package org.nin4j.backend.onednn.library;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.nin4j.backend.BackendException;

/**
 * The folder into which JavaCPP unpacks oneDNN. It tries one folder only, and where that lies on a
 * mount without permission to run code, the library is refused when it is too late for another.
 *
 * @param path where libraries can be written and loaded
 * @param remarks why it is not the usual one
 */
public record LibraryFolder(Path path, List<String> remarks) {
  /** JavaCPP's setting. */
  public static final String PROPERTY = "org.bytedeco.javacpp.cachedir";

  private static final Set<PosixFilePermission> OWNER_ONLY =
      PosixFilePermissions.fromString("rwx------");
  private static final FileAttribute<Set<PosixFilePermission>> FOR_OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(OWNER_ONLY);

  public LibraryFolder {
    remarks = List.copyOf(remarks);
  }

  /**
   * The first folder from which code can be loaded: JavaCPP's, or a private one among the given.
   *
   * @param usual JavaCPP's own; made where it is not there
   * @param temporary folders that everyone may write to, for one of this user's alone
   * @throws BackendException if there is none; the message says why of each
   */
  public static LibraryFolder choose(Path usual, List<Path> temporary) {
    List<String> refused = new ArrayList<>();
    Optional<String> obstacle = obstacle(usual);
    if (obstacle.isEmpty()) {
      return new LibraryFolder(usual, List.of());
    }
    refused.add(usual + " cannot hold oneDNN's library: " + obstacle.get());
    for (Path parent : temporary) {
      try {
        Path own = parent.resolve("nin4j-" + user());
        obstacle = privately(own).or(() -> obstacle(own));
        if (obstacle.isEmpty()) {
          refused.add("it is unpacked into " + own);
          return new LibraryFolder(own, List.of(String.join("; ", refused)));
        }
        refused.add(own + ": " + obstacle.get());
      } catch (IOException e) {
        refused.add(parent + ": " + e);
      }
    }
    throw new BackendException(
        "%s; name a folder that can: NIN_JAVA_FLAGS=-D%s=DIR"
            .formatted(String.join("; ", refused), PROPERTY));
  }

  /** The entry for the process itself belongs to the user that the process runs as. */
  private static Object user() throws IOException {
    return Files.getAttribute(Path.of("/proc/self"), "unix:uid");
  }

  /** Makes a folder for this user alone, or says why the one that is there is not to be trusted. */
  private static Optional<String> privately(Path folder) throws IOException {
    try {
      Files.createDirectory(folder, FOR_OWNER_ONLY);
    } catch (FileAlreadyExistsException e) {
      if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)
          || !Files.getAttribute(folder, "unix:uid", LinkOption.NOFOLLOW_LINKS).equals(user())
          || !Files.getPosixFilePermissions(folder, LinkOption.NOFOLLOW_LINKS).equals(OWNER_ONLY)) {
        return Optional.of("it is there, and not a folder of yours alone");
      }
    }
    return Optional.empty();
  }

  /** Why code cannot be loaded from a folder; it is made where it is not there. */
  private static Optional<String> obstacle(Path folder) {
    try {
      if (!Files.isDirectory(folder)) {
        Files.createDirectories(folder, FOR_OWNER_ONLY);
      }
      Path trial = Files.createTempFile(folder, ".nin4j-", ".so", FOR_OWNER_ONLY);
      try {
        // The kernel denies it for every file of a mount with noexec.
        return Files.isExecutable(trial)
            ? Optional.empty()
            : Optional.of("its mount forbids running code (noexec)");
      } finally {
        Files.delete(trial);
      }
    } catch (IOException e) {
      return Optional.of("it cannot be written (" + e + ")");
    }
  }
}
