package org.nin4j.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A small data set, published by a server in this process. */
@Timeout(60)
class DatasetLoaderTest {

  private static final List<String> NAMES =
      PublishedDataset.MNIST.files().stream().map(PublishedFile::name).toList();

  @TempDir private Path folder;
  private final ConcurrentLinkedQueue<String> requests = new ConcurrentLinkedQueue<>();
  private TrainTest drawn;
  private Path published;
  private Path cache;
  private HttpServer server;
  private PublishedDataset online;
  private PublishedDataset offline;

  @BeforeEach
  void publish() throws IOException {
    drawn = Shapes.draw(9, 30, 20, 1);
    published = folder.resolve("published");
    cache = folder.resolve("cache");
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

  private PublishedDataset tiny(URI mirror) {
    List<PublishedFile> files =
        NAMES.stream()
            .map(name -> new PublishedFile(name, Md5.of(published.resolve(name))))
            .toList();
    return new PublishedDataset(
        "tiny",
        "Tiny",
        Shapes.CLASS_NAMES,
        files.get(0),
        files.get(1),
        files.get(2),
        files.get(3),
        List.of(mirror));
  }

  private void copyTo(Path to, List<String> names) throws IOException {
    Files.createDirectories(to);
    for (String name : names) {
      Files.copy(published.resolve(name), to.resolve(name));
    }
  }

  private TrainTest load(PublishedDataset dataset, Path option, Path environment) {
    DataLocations locations =
        new DataLocations(Optional.ofNullable(option), Optional.ofNullable(environment), cache);
    return new DatasetLoader(locations, new Downloader(Duration.ofSeconds(30)))
        .load(dataset, DownloadListener.silent());
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
  }

  private static Path cacheOf(Map<String, String> environment) {
    return DataLocations.of(Optional.empty(), environment, Path.of("/home/someone")).cache();
  }
}
