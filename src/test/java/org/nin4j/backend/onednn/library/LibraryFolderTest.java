package org.nin4j.backend.onednn.library;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.onednn.OneDnnBackend;

class LibraryFolderTest {
  @TempDir private Path folder;

  private Path file;
  private Path temporary;

  @BeforeEach
  void prepare() throws IOException {
    file = Files.writeString(folder.resolve("file"), "in the way");
    temporary = Files.createDirectory(folder.resolve("tmp"));
  }

  /** The private folder, made by asking for it. */
  private Path own() {
    return LibraryFolder.choose(file, List.of(temporary)).path();
  }

  @Test
  void theUsualFolderIsMadeAndTaken() throws IOException {
    Path usual = folder.resolve("home/.javacpp/cache");
    assertEquals(
        new LibraryFolder(usual, List.of()), LibraryFolder.choose(usual, List.of(temporary)));
    try (Stream<Path> left = Files.list(usual)) {
      assertEquals(0, left.count());
    }
  }

  @Test
  void elseAPrivateOneIsMadeAndSaid() throws IOException {
    LibraryFolder chosen = LibraryFolder.choose(file, List.of(file, temporary));
    assertEquals(temporary, chosen.path().getParent());
    assertEquals(
        "rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(chosen.path())));
    assertEquals(1, chosen.remarks().size());
    String remark = chosen.remarks().get(0);
    assertTrue(remark.startsWith(file + " cannot hold oneDNN's library: "), remark);
    assertTrue(remark.endsWith("it is unpacked into " + chosen.path()), remark);
    assertEquals(chosen, LibraryFolder.choose(file, List.of(file, temporary)));
  }

  @Test
  void aUsualFolderThatEveryoneMayWriteToIsPassedOver() throws IOException {
    Path usual = Files.createDirectory(folder.resolve("open"));
    Files.setPosixFilePermissions(usual, PosixFilePermissions.fromString("rwxrwxrwx"));
    LibraryFolder chosen = LibraryFolder.choose(usual, List.of(temporary));
    assertEquals(own(), chosen.path());
    assertTrue(chosen.remarks().get(0).contains("every user may write there"), chosen::toString);
  }

  @Test
  void aFolderThatOthersMayWriteToIsNotTrusted() throws IOException {
    Files.setPosixFilePermissions(own(), PosixFilePermissions.fromString("rwxrwxrwx"));
    BackendException refused = assertThrows(BackendException.class, this::own);
    assertTrue(refused.getMessage().contains("not a folder of yours alone"), refused::getMessage);
    assertTrue(refused.getMessage().contains(LibraryFolder.PROPERTY), refused::getMessage);
  }

  @Test
  void aLinkIsNotTrusted() throws IOException {
    Path own = own();
    Files.delete(own);
    Files.createSymbolicLink(own, Files.createDirectory(folder.resolve("elsewhere")));
    assertThrows(BackendException.class, this::own);
  }

  /** As on Windows; the file system of zip files has none, either. */
  @Test
  void whereFilesHaveNoPermissionsNoneAreSet() throws IOException {
    URI zip = URI.create("jar:" + folder.resolve("files.zip").toUri());
    try (FileSystem files = FileSystems.newFileSystem(zip, Map.of("create", "true"))) {
      assertFalse(files.supportedFileAttributeViews().contains("posix"));
      Path usual = files.getPath("/home/.javacpp/cache");
      assertEquals(usual, LibraryFolder.choose(usual, List.of()).path());
      Path inTheWay = Files.writeString(files.getPath("/file"), "in the way");
      Path parent = Files.createDirectory(files.getPath("/tmp"));
      for (int i = 0; i < 2; i++) {
        assertEquals(
            parent.resolve("nin4j-" + System.getProperty("user.name")),
            LibraryFolder.choose(inTheWay, List.of(parent)).path());
      }
    }
  }

  /** Loads oneDNN with JavaCPP's folder on a mount that forbids running code. */
  @Test
  void aMountWithoutPermissionToRunCodeIsPassedOver() throws IOException, InterruptedException {
    Path mount = Files.createDirectory(folder.resolve("mount"));
    List<String> script =
        List.of(
            "unshare", "-rm", "sh", "-c", "mount -t tmpfs -o noexec none \"$0\" && exec \"$@\"");
    List<String> trial = new ArrayList<>(script);
    trial.addAll(List.of(mount.toString(), "true"));
    Run possible = run(trial);
    if (possible.code() != 0) {
      System.out.println("skipped, no mount can be made: " + possible.text());
      Assumptions.abort(possible.text());
    }
    List<String> command = new ArrayList<>(script);
    command.addAll(
        List.of(
            mount.toString(),
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-Duser.home=" + mount,
            "-Djava.io.tmpdir=" + temporary,
            "-cp",
            System.getProperty("java.class.path"),
            Loads.class.getName()));
    Run loaded = run(command);
    assertEquals(0, loaded.code(), loaded::text);
    List<String> lines = loaded.text().lines().toList();
    assertEquals(
        mount.resolve(".javacpp/cache")
            + " cannot hold oneDNN's library: its mount forbids running code (noexec); it is"
            + " unpacked into "
            + own(),
        lines.get(0));
    assertTrue(lines.get(1).startsWith("CPU by oneDNN"), loaded::text);
  }

  /** Opens the backend in a process of its own. */
  static final class Loads {
    private Loads() {}

    public static void main(String[] arguments) {
      try (OneDnnBackend backend = new OneDnnBackend(1)) {
        backend.remarks().forEach(System.out::println);
        System.out.println(backend.description());
      }
    }
  }

  private record Run(int code, String text) {}

  private static Run run(List<String> command) throws IOException, InterruptedException {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Run(process.waitFor(), text);
    } catch (IOException notInstalled) {
      return new Run(127, notInstalled.getMessage());
    }
  }
}
