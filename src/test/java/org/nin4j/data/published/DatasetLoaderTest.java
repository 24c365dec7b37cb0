package org.nin4j.data.published;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.data.DataException;
import org.nin4j.data.DataMissingException;
import org.nin4j.data.TrainTest;
import org.nin4j.data.file.Md5;
import org.nin4j.data.shapes.Shapes;

/** A small data set, published by a server in this process. */
@Timeout(60)
class DatasetLoaderTest {

  private static final List<String> NAMES =
      IdxDataset.MNIST.files().stream().map(PublishedFile::name).toList();

  @TempDir private Path folder;
  private final ConcurrentLinkedQueue<String> requests = new ConcurrentLinkedQueue<>();
  private TrainTest drawn;
  private Path published;
  private Path cache;
  private Path programs;
  private final List<String> said = new ArrayList<>();
  private HttpServer server;
  private IdxDataset online;
  private IdxDataset offline;

  @BeforeEach
  void publish() throws IOException {
    drawn = Shapes.draw(9, 30, 20, 1);
    published = folder.resolve("published");
    cache = folder.resolve("cache");
    programs = Files.createDirectory(folder.resolve("programs"));
    IdxWriter.write(drawn, published);
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/tiny/",
        exchange -> {
          String name = Path.of(exchange.getRequestURI().getPath()).getFileName().toString();
          requests.add(name);
          byte[] bytes = Files.readAllBytes(published.resolve(name));
          exchange.sendResponseHeaders(200, bytes.length);
          try (OutputStream out = exchange.getResponseBody()) {
            out.write(bytes);
          }
        });
    server.start();
    String origin = "http://localhost:" + server.getAddress().getPort();
    online = tiny(URI.create(origin + "/tiny/"));
    offline = tiny(URI.create(origin + "/gone/"));
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private IdxDataset tiny(URI mirror) {
    List<PublishedFile> files =
        NAMES.stream()
            .map(name -> published.resolve(name))
            .map(
                file ->
                    new PublishedFile(
                        file.getFileName().toString(), Md5.of(file), Md5.ofContent(file)))
            .toList();
    return new IdxDataset(
        "tiny",
        "Tiny",
        Shapes.CLASS_NAMES,
        files.get(0),
        files.get(1),
        files.get(2),
        files.get(3),
        List.of(mirror),
        Optional.of("dataset-tiny"));
  }

  private final DownloadListener listener =
      new DownloadListener() {
        @Override
        public void started(String file, URI address, OptionalLong bytes) {}

        @Override
        public void received(String file, long bytes) {}

        @Override
        public void ended(String file) {}

        @Override
        public void turnedToPackage(String dataset, String reason, String debianPackage) {
          said.add(dataset + "|" + reason + "|" + debianPackage);
        }
      };

  private void copyTo(Path to, List<String> names) throws IOException {
    Files.createDirectories(to);
    for (String name : names) {
      Files.copy(published.resolve(name), to.resolve(name));
    }
  }

  private TrainTest load(PublishedDataset dataset, Path option, Path environment) {
    DataLocations locations =
        new DataLocations(
            Optional.ofNullable(option),
            Optional.ofNullable(environment),
            cache,
            List.of(folder.resolve("local"), folder.resolve("installed")));
    return new DatasetLoader(
            locations, new Downloader(Duration.ofSeconds(30)), AptGet.on(programs.toString()))
        .load(dataset, listener);
  }

  private void assertLoaded(Path origin, TrainTest loaded) {
    assertEquals(drawn.train().pixels(), loaded.train().pixels());
    assertEquals(drawn.train().labels(), loaded.train().labels());
    assertEquals(drawn.test().pixels(), loaded.test().pixels());
    assertEquals(drawn.test().labels(), loaded.test().labels());
    assertEquals(origin.toString(), loaded.origin());
    assertEquals("Tiny", loaded.name());
  }

  private static void assertSays(DataException refused, String... parts) {
    for (String part : parts) {
      assertTrue(
          refused.getMessage().contains(part),
          () -> "'" + part + "' is not in: " + refused.getMessage());
    }
  }

  @Test
  void theNamedFolderComesFirst() throws IOException {
    Path environment = folder.resolve("environment");
    copyTo(environment, NAMES);
    assertLoaded(published, load(offline, published, environment));
    Path parent = folder.resolve("parent");
    copyTo(parent.resolve("tiny"), NAMES);
    assertLoaded(parent.resolve("tiny"), load(offline, parent, environment));
  }

  @Test
  void onlyTheNamedFolderCounts() throws IOException {
    copyTo(cache.resolve("tiny"), NAMES);
    Path empty = Files.createDirectory(folder.resolve("empty"));
    DataException refused = assertThrows(DataException.class, () -> load(online, empty, null));
    assertFalse(refused instanceof DataMissingException, "a named folder is not passed over");
    assertSays(refused, empty.toString(), "Tiny", NAMES.get(0), NAMES.get(3));
  }

  @Test
  void namesTheFilesThatAFolderLacks() throws IOException {
    Path part = folder.resolve("part");
    copyTo(part, NAMES.subList(0, 3));
    assertSays(
        assertThrows(DataException.class, () -> load(online, part, null)),
        part.toString(),
        NAMES.get(3) + " is missing");
    Files.delete(part.resolve(NAMES.get(0)));
    assertSays(
        assertThrows(DataException.class, () -> load(online, null, part)),
        NAMES.get(0) + ", " + NAMES.get(3) + " are missing");
  }

  @Test
  void aNamedFolderMayHoldOtherImages() {
    TrainTest other = Shapes.draw(10, 12, 10, 1);
    Path named = folder.resolve("other");
    IdxWriter.write(other, named);
    assertEquals(other.train().pixels(), load(offline, named, null).train().pixels());
  }

  @Test
  void theEnvironmentComesBeforeTheCache() throws IOException {
    copyTo(cache.resolve("tiny"), NAMES);
    assertLoaded(published, load(offline, null, published));
    Path empty = Files.createDirectory(folder.resolve("empty"));
    assertLoaded(cache.resolve("tiny"), load(offline, null, empty));
    assertLoaded(cache.resolve("tiny"), load(offline, null, folder.resolve("nowhere")));
  }

  @Test
  void downloadsWhatTheCacheLacks() throws IOException {
    assertLoaded(cache.resolve("tiny"), load(online, null, null));
    assertEquals(NAMES, List.copyOf(requests));
    assertLoaded(cache.resolve("tiny"), load(offline, null, null));
    Files.delete(cache.resolve("tiny").resolve(NAMES.get(2)));
    assertLoaded(cache.resolve("tiny"), load(online, null, null));
    assertEquals(5, requests.size());
    assertTrue(requests.contains(NAMES.get(2)));
  }

  @Test
  void aDamagedFileInTheCacheIsNamedAndKept() throws IOException {
    copyTo(cache.resolve("tiny"), NAMES);
    Path damaged = cache.resolve("tiny").resolve(NAMES.get(1));
    Files.writeString(damaged, "damaged");
    DataException refused = assertThrows(DataException.class, () -> load(online, null, null));
    assertFalse(refused instanceof DataMissingException, "it is there, but not right");
    assertSays(refused, damaged.toString(), "MD5", "Delete it", "--data");
    assertEquals("damaged", Files.readString(damaged));
    assertTrue(requests.isEmpty());
  }

  @Test
  void saysWhereToPutTheFiles() {
    Path nowhere = folder.resolve("nowhere");
    DataException refused =
        assertThrows(DataMissingException.class, () -> load(offline, null, nowhere));
    assertSays(
        refused,
        "Tiny",
        "HTTP 404",
        nowhere.toString(),
        cache.resolve("tiny").toString(),
        "--data");
    assertSays(refused, NAMES.toArray(String[]::new));
  }

  /** The same images in another gzip: unpacked, and packed without compression. */
  private void packAnew(Path to) throws IOException {
    Files.createDirectories(to);
    for (String name : NAMES) {
      byte[] content;
      try (InputStream in = new GZIPInputStream(Files.newInputStream(published.resolve(name)))) {
        content = in.readAllBytes();
      }
      try (OutputStream out =
          new GZIPOutputStream(Files.newOutputStream(to.resolve(name))) {
            {
              def.setLevel(Deflater.NO_COMPRESSION);
            }
          }) {
        out.write(content);
      }
      assertNotEquals(Md5.of(published.resolve(name)), Md5.of(to.resolve(name)));
    }
  }

  @Test
  void theSameImagesInAnotherGzipArePublishedOnes() throws IOException {
    packAnew(cache.resolve("tiny"));
    assertLoaded(cache.resolve("tiny"), load(offline, null, null));
  }

  @Test
  void unpackedFilesInTheCacheArePublishedOnes() throws IOException {
    Files.createDirectories(cache.resolve("tiny"));
    for (String name : NAMES) {
      unpack(name, cache.resolve("tiny").resolve(name.replace(".gz", "")));
    }
    assertLoaded(cache.resolve("tiny"), load(offline, null, null));
  }

  private void unpack(String name, Path to) throws IOException {
    try (InputStream in = new GZIPInputStream(Files.newInputStream(published.resolve(name)))) {
      Files.copy(in, to);
    }
  }

  @Test
  void installedPackagesComeAfterTheCache() throws IOException {
    Path installed = folder.resolve("installed").resolve("tiny");
    packAnew(installed);
    assertLoaded(installed, load(offline, null, null));
    copyTo(cache.resolve("tiny"), NAMES);
    assertLoaded(cache.resolve("tiny"), load(offline, null, null));
  }

  @Test
  void otherImagesAreNotTakenForAnInstalledPackage() {
    IdxWriter.write(Shapes.draw(10, 12, 10, 1), folder.resolve("installed").resolve("tiny"));
    assertSays(
        assertThrows(DataException.class, () -> load(offline, null, null)),
        folder.resolve("installed").toString(),
        "is not the file published with Tiny",
        "Install its package again");
  }

  @Test
  void takesTheNamesOfOtherTools() throws IOException {
    Path dotted = Files.createDirectory(folder.resolve("dotted"));
    for (String name : NAMES) {
      unpack(name, dotted.resolve(name.replace(".gz", "").replace("-idx", ".idx")));
    }
    assertEquals("train-images.idx3-ubyte", list(dotted).get(2));
    assertLoaded(dotted, load(offline, dotted, null));

    Path torchvision = folder.resolve("torchvision");
    copyTo(torchvision.resolve("Tiny").resolve("raw"), NAMES);
    assertLoaded(torchvision.resolve("Tiny/raw"), load(offline, torchvision, null));
    assertLoaded(torchvision.resolve("Tiny/raw"), load(offline, torchvision.resolve("Tiny"), null));
    assertEquals(
        Path.of("d", "FashionMNIST", "raw"),
        IdxDataset.FASHION_MNIST.placesIn(Path.of("d")).get(2));
  }

  private static List<String> list(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(f -> f.getFileName().toString()).sorted().toList();
    }
  }

  private void program(String name, String... lines) throws IOException {
    Path file = programs.resolve(name);
    Files.writeString(file, "#!/bin/sh\n" + String.join("\n", lines) + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  /** {@code dpkg-deb --extract x.deb root} where the package is the name of a folder. */
  private void unpacksFrom(Path content) throws IOException {
    program(
        "dpkg-deb",
        "test \"$1\" = --extract && test -f \"$2\" || exit 2",
        "mkdir -p \"$3/usr/share/datasets/tiny\"",
        "cp '" + content + "'/* \"$3/usr/share/datasets/tiny\"");
  }

  @Test
  void whatCannotBeDownloadedComesFromItsPackage() throws IOException {
    Path content = folder.resolve("content");
    packAnew(content);
    unpacksFrom(content);
    // The system's lists know no packages; those that it gets do.
    program(
        "apt-get",
        "echo \"$@\" >> '" + folder + "/calls'",
        "case \"$*\" in",
        "  *Dir::State::Lists=*update) touch updated ;;",
        "  *Dir::State::Lists=*download\\ dataset-tiny)",
        "    test -f updated && touch dataset-tiny_1_all.deb ;;",
        "  *) echo 'E: Unable to locate package' >&2; exit 100 ;;",
        "esac");
    assertLoaded(cache.resolve("tiny"), load(offline, null, null));
    assertEquals(1, said.size());
    assertTrue(said.get(0).matches("Tiny\\|http.*HTTP 404\\|dataset-tiny"), said.get(0));
    List<String> calls = Files.readAllLines(folder.resolve("calls"));
    assertEquals(3, calls.size(), calls::toString);
    assertTrue(calls.get(0).endsWith("download dataset-tiny"), calls.get(0));
    assertEquals(NAMES.stream().sorted().toList(), list(cache.resolve("tiny")));
    // From now on it is there.
    assertLoaded(cache.resolve("tiny"), load(offline, null, null));
    assertEquals(3, Files.readAllLines(folder.resolve("calls")).size());
  }

  @Test
  void whatCanBeDownloadedIsNotTakenFromAPackage() throws IOException {
    program("apt-get", "touch '" + folder + "/called'", "exit 1");
    program("dpkg-deb", "exit 1");
    assertLoaded(cache.resolve("tiny"), load(online, null, null));
    assertFalse(Files.exists(folder.resolve("called")));
    assertEquals(List.of(), said);
  }

  @Test
  void aPackageWithOtherImagesIsNotTaken() throws IOException {
    Path other = folder.resolve("other");
    IdxWriter.write(Shapes.draw(10, 12, 10, 1), other);
    unpacksFrom(other);
    program("apt-get", "touch dataset-tiny_1_all.deb");
    assertSays(
        assertThrows(DataMissingException.class, () -> load(offline, null, null)),
        "HTTP 404",
        "package dataset-tiny: it does not hold the published " + NAMES.get(0));
    assertFalse(Files.exists(cache.resolve("tiny").resolve(NAMES.get(0))));
  }

  @Test
  void saysWhyThePackageIsNotToBeHad() throws IOException {
    program("dpkg-deb", "exit 1");
    program("apt-get", "echo 'Reading lists'", "echo 'E: Unable to fetch it' >&2", "exit 100");
    assertSays(
        assertThrows(DataMissingException.class, () -> load(offline, null, null)),
        "HTTP 404",
        "package dataset-tiny: apt-get: Unable to fetch it");
  }

  @Test
  void cacheFollowsTheUsersVariables() {
    Path home = Path.of("/home/someone");
    assertEquals(home.resolve(".cache/nin4j"), cacheOf(Map.of()));
    assertEquals(home.resolve(".cache/nin4j"), cacheOf(Map.of("XDG_CACHE_HOME", "")));
    assertEquals(home.resolve(".cache/nin4j"), cacheOf(Map.of("XDG_CACHE_HOME", "relative")));
    assertEquals(Path.of("/xdg/nin4j"), cacheOf(Map.of("XDG_CACHE_HOME", "/xdg")));
    assertEquals(Path.of("/own"), cacheOf(Map.of("XDG_CACHE_HOME", "/xdg", "NIN4J_CACHE", "/own")));
    DataLocations locations =
        DataLocations.of(Optional.of(Path.of("o")), Map.of("NIN4J_DATA", "/d"), home);
    assertEquals(Optional.of(Path.of("o")), locations.option());
    assertEquals(Optional.of(Path.of("/d")), locations.environment());
    assertEquals(
        List.of(Path.of("/usr/local/share/datasets"), Path.of("/usr/share/datasets")),
        locations.installed());
    assertEquals(
        List.of(Path.of("/a/datasets"), Path.of("/b/datasets")),
        DataLocations.of(Optional.empty(), Map.of("XDG_DATA_DIRS", "/a:b:/b/"), home).installed());
  }

  private static Path cacheOf(Map<String, String> environment) {
    return DataLocations.of(Optional.empty(), environment, Path.of("/home/someone")).cache();
  }
}
