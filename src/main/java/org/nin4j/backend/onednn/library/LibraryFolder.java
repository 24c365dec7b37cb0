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
import org.nin4j.text.Text;

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

  private static final Path PROCESS = Path.of("/proc/self");

  private static final Set<PosixFilePermission> OWNER_ONLY =
      PosixFilePermissions.fromString("rwx------");

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
        Object user = user(parent);
        Path own = parent.resolve("nin4j-" + user);
        obstacle = privately(own, user).or(() -> obstacle(own));
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
        Text.of(
            "%s; name a folder that can: NIN_JAVA_FLAGS=-D%s=DIR",
            String.join("; ", refused), PROPERTY));
  }

  /**
   * Where files have owners and permissions as on Unix; Windows keeps each user's folders apart.
   */
  private static boolean isPosix(Path path) {
    return path.getFileSystem().supportedFileAttributeViews().containsAll(Set.of("posix", "unix"));
  }

  private static FileAttribute<?>[] forOwnerOnly(Path path) {
    return isPosix(path)
        ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(OWNER_ONLY)}
        : new FileAttribute<?>[0];
  }

  /**
   * The user that the process runs as: Linux has an entry for the process that belongs to it;
   * elsewhere a new file does.
   */
  private static Object user(Path folder) throws IOException {
    if (!isPosix(folder)) {
      return System.getProperty("user.name");
    }
    if (Files.exists(PROCESS)) {
      return Files.getAttribute(PROCESS, "unix:uid");
    }
    Path file = Files.createTempFile(folder, ".nin4j-", "", forOwnerOnly(folder));
    try {
      return Files.getAttribute(file, "unix:uid");
    } finally {
      Files.delete(file);
    }
  }

  /** Makes a folder for this user alone, or says why the one that is there is not to be trusted. */
  private static Optional<String> privately(Path folder, Object user) throws IOException {
    try {
      Files.createDirectory(folder, forOwnerOnly(folder));
    } catch (FileAlreadyExistsException e) {
      if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)
          || isPosix(folder) && !isOf(user, folder)) {
        return Optional.of("it is there, and not a folder of yours alone");
      }
    }
    return Optional.empty();
  }

  private static boolean isOf(Object user, Path folder) throws IOException {
    return Files.getAttribute(folder, "unix:uid", LinkOption.NOFOLLOW_LINKS).equals(user)
        && Files.getPosixFilePermissions(folder, LinkOption.NOFOLLOW_LINKS).equals(OWNER_ONLY);
  }

  /** Why code cannot be loaded from a folder; it is made where it is not there. */
  private static Optional<String> obstacle(Path folder) {
    try {
      if (!Files.isDirectory(folder)) {
        Files.createDirectories(folder, forOwnerOnly(folder));
      }
      if (isPosix(folder)
          && Files.getPosixFilePermissions(folder).contains(PosixFilePermission.OTHERS_WRITE)) {
        return Optional.of("every user may write there");
      }
      Path trial = Files.createTempFile(folder, ".nin4j-", ".so", forOwnerOnly(folder));
      try {
        // The kernel denies it for every file of a mount with noexec.
        return !isPosix(folder) || Files.isExecutable(trial)
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
