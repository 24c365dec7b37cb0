package org.nin4j.data.published;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.nin4j.data.DataException;
import org.nin4j.data.DataMissingException;
import org.nin4j.data.file.PartialFile;

/**
 * Unpacks packages of Debian and Ubuntu into a folder, without being root and without installing
 * them: {@code apt-get download} and {@code dpkg-deb --extract}.
 */
public final class AptGet {

  /** For a package of 31 MB over a slow line. */
  private static final Duration PATIENCE = Duration.ofMinutes(10);

  private final Path aptGet;
  private final Path dpkgDeb;

  private AptGet(Path aptGet, Path dpkgDeb) {
    this.aptGet = aptGet;
    this.dpkgDeb = dpkgDeb;
  }

  /**
   * The programs on a search path, where both are there.
   *
   * @param searchPath folders with {@code :} between them, as in {@code $PATH}
   */
  public static Optional<AptGet> on(String searchPath) {
    return program(searchPath, "apt-get")
        .flatMap(apt -> program(searchPath, "dpkg-deb").map(dpkg -> new AptGet(apt, dpkg)));
  }

  private static Optional<Path> program(String searchPath, String name) {
    return Stream.of(searchPath.split(File.pathSeparator))
        // An absolute path of a Unix system: Windows has none of the programs, and odd entries.
        .filter(folder -> folder.startsWith("/"))
        .map(folder -> Path.of(folder, name))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /** Takes what it needs from the unpacked package, which is deleted afterwards. */
  @FunctionalInterface
  interface Taker {
    /** Copies from the folder that stands for {@code /}. */
    void take(Path root) throws IOException;
  }

  /**
   * Downloads a package, unpacks it into a temporary folder and has files taken from there.
   *
   * @throws DataMissingException if the package is not to be had; the message says why
   * @throws UncheckedIOException if there is no place for it
   */
  void unpack(String name, Taker taker) {
    try {
      Path folder = Files.createTempDirectory("nin4j-package-");
      try {
        download(name, folder);
        Path root = folder.resolve("root");
        run(folder, List.of(dpkgDeb.toString(), "--extract", downloaded(name, folder), "root"));
        taker.take(root);
      } finally {
        delete(folder);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          "the package " + name + " cannot be unpacked: " + PartialFile.reason(e), e);
    }
  }

  /**
   * With the system's lists of packages; where they do not know it, as in most containers, with
   * lists got for this.
   */
  private void download(String name, Path folder) throws IOException {
    try {
      run(folder, aptGet(folder, List.of(), "download", name));
    } catch (DataMissingException e) {
      List<String> ownLists =
          List.of(
              "-o",
              "Dir::State::Lists=" + Files.createDirectory(folder.resolve("lists")),
              "-o",
              "Dir::Cache=" + Files.createDirectory(folder.resolve("cache")));
      run(folder, aptGet(folder, ownLists, "update"));
      run(folder, aptGet(folder, ownLists, "download", name));
    }
  }

  /** As root, apt gives its downloads to a user who may not write to a private folder. */
  private List<String> aptGet(Path folder, List<String> options, String... command) {
    List<String> line = new ArrayList<>(List.of(aptGet.toString(), "--quiet"));
    line.addAll(List.of("-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=1"));
    line.addAll(options);
    line.addAll(List.of(command));
    return line;
  }

  private static String downloaded(String name, Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(file -> file.startsWith(name) && file.endsWith(".deb"))
          .findFirst()
          .orElseThrow(() -> new DataMissingException("apt-get brought no file of " + name));
    }
  }

  private static void run(Path folder, List<String> command) throws IOException {
    Path output = folder.resolve("output");
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
    builder.environment().put("LC_ALL", "C");
    Process process = builder.start();
    String program = Path.of(command.get(0)).getFileName().toString();
    try {
      if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
        throw new DataMissingException(
            program + " did not end within " + PATIENCE.toMinutes() + " minutes");
      }
      if (process.exitValue() != 0) {
        throw new DataMissingException(
            program + ": " + reason(Files.readString(output), process.exitValue()));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DataException(program + " was interrupted", e);
    } finally {
      process.destroyForcibly();
    }
  }

  /** The first error that apt names, as "E: Unable to locate package". */
  private static String reason(String output, int status) {
    return output
        .lines()
        .filter(line -> line.startsWith("E: "))
        .findFirst()
        .map(line -> line.substring("E: ".length()))
        .or(() -> output.lines().filter(line -> !line.isBlank()).findFirst())
        .orElse("it ended with " + status);
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
