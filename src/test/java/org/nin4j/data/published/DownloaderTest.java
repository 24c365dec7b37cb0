package org.nin4j.data.published;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.nin4j.data.DataException;
import org.nin4j.data.DataMissingException;
import org.nin4j.text.Text;

/** Downloads from a server in this process. */
@Timeout(60)
class DownloaderTest {

  private static final Duration LONG = Duration.ofSeconds(30);
  private static final Duration SHORT = Duration.ofSeconds(1);

  @TempDir private Path folder;
  private final byte[] body = new byte[300_001];
  private ExecutorService threads;
  private HttpServer server;
  private PublishedFile file;
  private Path target;

  @BeforeEach
  void startServer() throws Exception {
    new Random(1).nextBytes(body);
    file = new PublishedFile("file.gz", md5(body), md5(body));
    target = folder.resolve("cache").resolve("file.gz");
    threads = Executors.newCachedThreadPool();
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.start();
  }

  @AfterEach
  void stopServer() {
    server.stop(0);
    threads.shutdownNow();
  }

  private static String md5(byte[] bytes) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(bytes));
  }

  /** Serves a mirror; returns its address. */
  private URI mirror(String name, HttpHandler handler) {
    server.createContext("/" + name + "/", handler);
    return URI.create("http://localhost:" + server.getAddress().getPort() + "/" + name + "/");
  }

  private HttpHandler sends(byte[] bytes) {
    return exchange -> {
      exchange.sendResponseHeaders(200, bytes.length);
      try (OutputStream out = exchange.getResponseBody()) {
        out.write(bytes);
      }
    };
  }

  private HttpHandler answers(int status) {
    return exchange -> {
      byte[] page = "<html>no such file</html>".getBytes();
      exchange.sendResponseHeaders(status, page.length);
      try (OutputStream out = exchange.getResponseBody()) {
        out.write(page);
      }
    };
  }

  private void fetch(Duration patience, URI... mirrors) {
    new Downloader(patience).fetch(file, List.of(mirrors), target, DownloadListener.silent());
  }

  private void assertNothingLeft() throws IOException {
    try (Stream<Path> files = Files.list(target.getParent())) {
      assertEquals(List.of(), files.toList());
    }
  }

  /** The one file, complete, and no partial one beside it. */
  private void assertFetched() throws IOException {
    assertArrayEquals(body, Files.readAllBytes(target));
    try (Stream<Path> files = Files.list(target.getParent())) {
      assertEquals(List.of(target), files.toList());
    }
  }

  private void assertMissing(Duration patience, String part, URI mirror) throws IOException {
    String message =
        assertThrows(DataMissingException.class, () -> fetch(patience, mirror)).getMessage();
    assertTrue(message.contains(part), message);
    assertTrue(message.contains(mirror + "file.gz"), message);
    assertNothingLeft();
  }

  private static class Recorder implements DownloadListener {
    private final List<String> events = new ArrayList<>();
    private final List<Long> counts = new ArrayList<>();

    @Override
    public void started(String name, URI address, OptionalLong bytes) {
      events.add("started " + name + " " + address.getPath() + " " + bytes);
    }

    @Override
    public void received(String name, long bytes) {
      counts.add(bytes);
    }

    @Override
    public void ended(String name) {
      events.add("ended " + name);
    }
  }

  @Test
  void fetchesAndReports() throws IOException {
    Recorder recorder = new Recorder();
    URI mirror = mirror("good", sends(body));
    new Downloader(LONG).fetch(file, List.of(mirror), target, recorder);
    assertFetched();
    assertEquals(
        List.of("started file.gz /good/file.gz OptionalLong[300001]", "ended file.gz"),
        recorder.events);
    assertEquals(body.length, recorder.counts.get(recorder.counts.size() - 1));
  }

  @Test
  void fetchesWithoutKnownLength() throws IOException {
    Recorder recorder = new Recorder();
    URI mirror =
        mirror(
            "chunks",
            exchange -> {
              exchange.sendResponseHeaders(200, 0);
              try (OutputStream out = exchange.getResponseBody()) {
                out.write(body);
              }
            });
    new Downloader(LONG).fetch(file, List.of(mirror), target, recorder);
    assertFetched();
    assertEquals("started file.gz /chunks/file.gz OptionalLong.empty", recorder.events.get(0));
  }

  @Test
  void followsRedirects() throws IOException {
    URI good = mirror("good", sends(body));
    URI moved =
        mirror(
            "moved",
            exchange -> {
              exchange.getResponseHeaders().add("Location", good.resolve("file.gz").toString());
              exchange.sendResponseHeaders(302, -1);
              exchange.close();
            });
    fetch(LONG, moved);
    assertFetched();
  }

  @Test
  void goesOnToTheNextMirror() throws IOException {
    byte[] other = body.clone();
    other[7] ^= 1;
    fetch(
        LONG,
        mirror("absent", answers(404)),
        mirror("other", sends(other)),
        mirror("good", sends(body)));
    assertFetched();
  }

  @Test
  void namesEveryFailure() throws IOException {
    URI absent = mirror("absent", answers(404));
    URI broken = mirror("broken", answers(503));
    String message =
        assertThrows(DataMissingException.class, () -> fetch(LONG, absent, broken)).getMessage();
    assertEquals(
        Text.of(
            "%sfile.gz: the server answered HTTP 404; %sfile.gz: the server answered HTTP 503",
            absent, broken),
        message);
    assertNothingLeft();
  }

  @Test
  void refusesATruncatedBody() throws IOException {
    assertMissing(
        LONG,
        "broke off after",
        mirror(
            "half",
            exchange -> {
              exchange.sendResponseHeaders(200, body.length);
              exchange.getResponseBody().write(body, 0, body.length / 2);
              exchange.getResponseBody().flush();
              exchange.close();
            }));
  }

  @Test
  void refusesAnotherFile() throws Exception {
    byte[] other = "<html>log in to the hotel's network</html>".getBytes();
    assertMissing(LONG, "its MD5 is " + md5(other), mirror("portal", sends(other)));
  }

  @Test
  void waitsForASlowServer() throws IOException {
    CountDownLatch seen = new CountDownLatch(1);
    Recorder recorder =
        new Recorder() {
          @Override
          public void received(String name, long bytes) {
            super.received(name, bytes);
            if (bytes >= 1000) {
              seen.countDown();
            }
          }
        };
    URI mirror =
        mirror(
            "slow",
            exchange -> {
              exchange.sendResponseHeaders(200, body.length);
              try (OutputStream out = exchange.getResponseBody()) {
                out.write(body, 0, 1000);
                out.flush();
                await(seen);
                out.write(body, 1000, body.length - 1000);
              }
            });
    new Downloader(LONG).fetch(file, List.of(mirror), target, recorder);
    assertFetched();
    assertTrue(recorder.counts.contains(1000L), "progress in between: " + recorder.counts);
  }

  private static void await(CountDownLatch latch) throws IOException {
    try {
      if (!latch.await(30, TimeUnit.SECONDS)) {
        throw new IOException("nobody came");
      }
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  @Test
  void givesUpOnASilentServer() throws IOException {
    CountDownLatch over = new CountDownLatch(1);
    HttpHandler neverBegins = exchange -> await(over);
    HttpHandler neverEnds =
        exchange -> {
          exchange.sendResponseHeaders(200, body.length);
          exchange.getResponseBody().write(body, 0, 1000);
          exchange.getResponseBody().flush();
          await(over);
        };
    try {
      assertMissing(SHORT, "nothing came for 1.0 s", mirror("mute", neverBegins));
      assertMissing(SHORT, "nothing came for 1.0 s", mirror("stuck", neverEnds));
    } finally {
      over.countDown();
    }
  }

  @Test
  void saysThatNobodyListens() throws IOException {
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    assertMissing(LONG, "no connection", URI.create("http://localhost:" + port + "/"));
  }

  @Test
  void stopsWhenInterrupted() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch over = new CountDownLatch(1);
    URI mute =
        mirror(
            "mute",
            exchange -> {
              asked.countDown();
              await(over);
            });
    boolean[] stillInterrupted = new boolean[1];
    DataException[] thrown = new DataException[1];
    Thread thread =
        new Thread(
            () -> {
              thrown[0] = assertThrows(DataException.class, () -> fetch(LONG, mute));
              stillInterrupted[0] = Thread.currentThread().isInterrupted();
            });
    try {
      thread.start();
      await(asked);
      thread.interrupt();
      thread.join();
    } finally {
      over.countDown();
    }
    assertTrue(thrown[0].getMessage().contains("interrupted"), thrown[0].getMessage());
    assertFalse(thrown[0] instanceof DataMissingException, "an interruption is no missing file");
    assertTrue(stillInterrupted[0], "the thread stays interrupted");
    assertNothingLeft();
  }

  /** Both are under way when the first byte is sent; the later rename replaces equal bytes. */
  @Test
  void twoAtOnceDoNotDisturbEachOther() throws Exception {
    CountDownLatch both = new CountDownLatch(2);
    URI mirror =
        mirror(
            "shared",
            exchange -> {
              both.countDown();
              await(both);
              sends(body).handle(exchange);
            });
    Callable<Boolean> download =
        () -> {
          fetch(LONG, mirror);
          return true;
        };
    for (Future<Boolean> future : threads.invokeAll(List.of(download, download))) {
      assertTrue(future.get());
    }
    assertFetched();
  }

  @Test
  void saysWhatIsInTheWayOfTheCache() throws IOException {
    Files.writeString(folder.resolve("cache"), "a file where the folder belongs");
    URI mirror = mirror("good", sends(body));
    UncheckedIOException refused =
        assertThrows(UncheckedIOException.class, () -> fetch(LONG, mirror));
    assertTrue(refused.getMessage().contains(target + " cannot be written"), refused.getMessage());
  }

  /** The disk fills up in the middle: the error comes out at once, as what it is. */
  @Test
  void tellsThatTheDiskIsFull() {
    URI mirror = mirror("good", sends(body));
    OutputStream full =
        new OutputStream() {
          private int room = 100_000;

          @Override
          public void write(int b) throws IOException {
            write(new byte[1], 0, 1);
          }

          @Override
          public void write(byte[] bytes, int offset, int length) throws IOException {
            room -= length;
            if (room < 0) {
              throw new IOException("No space left on device");
            }
          }
        };
    IOException failure =
        assertThrows(
            IOException.class,
            () ->
                new Downloader(LONG)
                    .receive(file, mirror.resolve("file.gz"), full, DownloadListener.silent()));
    assertEquals("No space left on device", failure.getMessage());
  }

  @Test
  void anExistingFileStaysWhenTheDownloadFails() throws IOException {
    Files.createDirectories(target.getParent());
    Files.writeString(target, "old");
    URI other = mirror("other", sends(Arrays.copyOf(body, 10)));
    assertThrows(DataMissingException.class, () -> fetch(LONG, other));
    assertEquals("old", Files.readString(target));
  }
}
