package org.nin4j.backend.cuda.natives.search;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.nin4j.text.Text;

/**
 * The user's own folder for what can be made again. Code is loaded from it, so nobody else may be
 * able to write there: a folder that belongs to someone else, or that others can write to, is
 * refused, and another one taken. Processes may fill it side by side.
 */
public final class CacheDirectory {
  /** The variable that names the folder. */
  public static final String VARIABLE = "NIN4J_CACHE";

  private static final FileAttribute<?> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  private static final Set<PosixFilePermission> WRITABLE_BY_OTHERS =
      Set.of(PosixFilePermission.GROUP_WRITE, PosixFilePermission.OTHERS_WRITE);

  /** So many entries of one content are tried before the folder counts as broken. */
  private static final int MOST_ENTRIES = 8;

  private final Path folder;

  private CacheDirectory(Path folder) {
    this.folder = folder;
  }

  /** Writes the files of one cache entry into a folder that only this process sees. */
  @FunctionalInterface
  interface Filling {
    void writeTo(Path folder) throws IOException;
  }

  /** Judges whether a cache entry that is there already may be used. */
  @FunctionalInterface
  interface Check {
    boolean holds(Path folder) throws IOException;
  }

  /**
   * The folder that the environment asks for: {@code $NIN4J_CACHE}, else {@code
   * $XDG_CACHE_HOME/nin4j}, else {@code ~/.cache/nin4j}. Where that cannot be made or must not be
   * trusted, the first that can of {@code ~/.cache/nin4j}, {@code $XDG_RUNTIME_DIR/nin4j} and the
   * user's own below {@code temporary}. It is made if it does not exist.
   *
   * @param temporary folder for what any user may leave
   * @param warnings receives a line if another folder is taken
   * @throws NativesException about the folder asked for, if none can be used
   */
  public static CacheDirectory of(
      Map<String, String> environment, Path home, Path temporary, Consumer<String> warnings) {
    List<Path> folders = folders(environment, home, temporary);
    Optional<NativesException> first = Optional.empty();
    for (Path folder : folders) {
      try {
        CacheDirectory directory = at(folder);
        first.ifPresent(
            refused ->
                warnings.accept(
                    Text.of("Using %s as cache: %s", directory.folder, refused.getMessage())));
        return directory;
      } catch (NativesException refused) {
        first = first.or(() -> Optional.of(refused));
      }
    }
    throw first.orElseThrow();
  }

  /** The folder that the environment asks for, see {@link #of}; it need not exist. */
  public static Path asked(Map<String, String> environment, Path home) {
    return folders(environment, home, home).get(0);
  }

  private static List<Path> folders(Map<String, String> environment, Path home, Path temporary) {
    List<Path> folders = new ArrayList<>();
    String own = environment.getOrDefault(VARIABLE, "");
    if (!own.isEmpty()) {
      folders.add(Path.of(own));
    }
    // By the XDG Base Directory Specification, relative paths there are to be ignored.
    Consumer<String> add =
        variable -> {
          String path = environment.getOrDefault(variable, "");
          if (!path.isEmpty() && Path.of(path).isAbsolute()) {
            folders.add(Path.of(path).resolve("nin4j"));
          }
        };
    add.accept("XDG_CACHE_HOME");
    folders.add(home.resolve(".cache/nin4j"));
    add.accept("XDG_RUNTIME_DIR");
    folders.add(temporary.resolve("nin4j-" + home.getFileName()));
    return folders;
  }

  /** Like {@link #of}, for the environment of this process. */
  public static CacheDirectory ofThisUser(Consumer<String> warnings) {
    return of(
        System.getenv(),
        Path.of(System.getProperty("user.home")),
        Path.of(System.getProperty("java.io.tmpdir")),
        warnings);
  }

  /**
   * A folder given by name.
   *
   * @throws NativesException if it cannot be made or must not be trusted
   */
  public static CacheDirectory at(Path folder) {
    Path absolute = folder.toAbsolutePath().normalize();
    try {
      if (!Files.isDirectory(absolute)) {
        Files.createDirectories(absolute, OWNER_ONLY);
      }
      Path real = absolute.toRealPath();
      checkOwnersOnly(real);
      checkAncestors(real);
      return new CacheDirectory(real);
    } catch (IOException e) {
      throw unusable(absolute, e);
    }
  }

  /** The folder, with all symbolic links resolved. */
  public Path folder() {
    return folder;
  }

  /**
   * An entry of the cache with the given files, named by their content: {@code
   * <kind>/<hash>/<name>}. It is written if it is not there yet.
   *
   * @param kind the entry's family, such as {@code natives}
   * @param files content by file name
   * @return the entry's folder
   * @throws NativesException if it cannot be written
   */
  public Path install(String kind, Map<String, byte[]> files) {
    SortedMap<String, byte[]> sorted = new TreeMap<>(files);
    return install(
        kind,
        hash(sorted),
        entry -> {
          for (Map.Entry<String, byte[]> file : sorted.entrySet()) {
            Files.write(entry.resolve(file.getKey()), file.getValue());
          }
        },
        entry -> {
          for (Map.Entry<String, byte[]> file : sorted.entrySet()) {
            if (!Arrays.equals(Files.readAllBytes(entry.resolve(file.getKey())), file.getValue())) {
              return false;
            }
          }
          return true;
        });
  }

  /**
   * An entry of the cache that is filled by the caller.
   *
   * <p>It is filled under a name of its own and renamed when whole, so that no process ever sees
   * half of it; of several that fill it at once, the first one's stays. What is there is never
   * removed, since another process may have loaded it: an entry that fails its check is left alone,
   * and one with a number behind its name is used instead.
   *
   * @return the entry's folder
   */
  Path install(String kind, String name, Filling filling, Check check) {
    Path family = folder.resolve(kind);
    try {
      if (!Files.isDirectory(family, LinkOption.NOFOLLOW_LINKS)) {
        Files.createDirectories(family, OWNER_ONLY);
      }
      checkOwnersOnly(family);
      for (int number = 0; number < MOST_ENTRIES; number++) {
        Path entry = family.resolve(number == 0 ? name : name + "-" + number);
        if (!Files.exists(entry, LinkOption.NOFOLLOW_LINKS)) {
          fill(family, entry, filling);
        }
        checkOwnersOnly(entry);
        if (holds(entry, check)) {
          return entry;
        }
      }
      throw new FileSystemException(name, null, "all entries for " + name + " are damaged");
    } catch (IOException e) {
      throw unusable(family, e);
    }
  }

  private static boolean holds(Path entry, Check check) throws IOException {
    try {
      return check.holds(entry);
    } catch (FileSystemException incomplete) {
      return false;
    }
  }

  /** Makes the entry, unless another process makes it first. */
  private static void fill(Path family, Path entry, Filling filling) throws IOException {
    Path fresh = Files.createTempDirectory(family, ".new-", OWNER_ONLY);
    try {
      filling.writeTo(fresh);
      Files.move(fresh, entry, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      deleteTree(fresh);
      if (!Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
        throw e;
      }
    }
  }

  /** Refuses a folder or file that is not this user's own, or that others can write to. */
  private static void checkOwnersOnly(Path path) throws IOException {
    Object owner = Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS);
    // The entry for the process itself belongs to the user that the process runs as.
    Object user = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    if (!owner.equals(user)) {
      throw new NativesException(
          new Problem.CacheUnusable(
              path,
              "it belongs to " + Files.getOwner(path, LinkOption.NOFOLLOW_LINKS) + ", not to you",
              "set " + VARIABLE + " to a folder of your own"));
    }
    Set<PosixFilePermission> permissions =
        Files.getPosixFilePermissions(path, LinkOption.NOFOLLOW_LINKS);
    if (permissions.stream().anyMatch(WRITABLE_BY_OTHERS::contains)) {
      throw new NativesException(
          new Problem.CacheUnusable(
              path,
              "others can write to it, and code is loaded from it",
              "chmod go-w " + path + ", or set " + VARIABLE + " to a folder of your own"));
    }
  }

  /** Whoever can rename a folder above could put another one in this one's place. */
  private static void checkAncestors(Path folder) throws IOException {
    for (Path above = folder.getParent(); above != null; above = above.getParent()) {
      int mode = (Integer) Files.getAttribute(above, "unix:mode");
      boolean othersWrite = (mode & 0002) != 0;
      boolean sticky = (mode & 01000) != 0;
      if (othersWrite && !sticky) {
        throw new NativesException(
            new Problem.CacheUnusable(
                folder,
                "anyone can rename what lies in " + above,
                "chmod o-w " + above + ", or set " + VARIABLE + " to a folder elsewhere"));
      }
    }
  }

  private static NativesException unusable(Path path, IOException e) {
    if (e instanceof FileAlreadyExistsException) {
      return new NativesException(
          new Problem.CacheUnusable(
              path, "a file is in its place", "set " + VARIABLE + " to a folder"));
    }
    NativesException exception =
        new NativesException(
            new Problem.CacheUnusable(
                path,
                reason(e),
                "make room and set its permissions, or set "
                    + VARIABLE
                    + " to a folder that can be written"));
    exception.initCause(e);
    return exception;
  }

  private static String reason(IOException e) {
    if (e instanceof FileSystemException fault && fault.getReason() != null) {
      return fault.getReason();
    }
    // Plain ones carry the system's own words; others say what they mean by their class alone.
    return e.getClass() == IOException.class ? e.getMessage() : e.toString();
  }

  private static String hash(SortedMap<String, byte[]> files) {
    MessageDigest digest = sha256();
    files.forEach(
        (name, content) -> {
          digest.update((name + '\0' + content.length + '\0').getBytes(StandardCharsets.UTF_8));
          digest.update(content);
        });
    return HexFormat.of().formatHex(digest.digest(), 0, 16);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
  }

  private static void deleteTree(Path tree) throws IOException {
    Files.walkFileTree(
        tree,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, IOException fault)
              throws IOException {
            Files.deleteIfExists(folder);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
