package org.nin4j.page;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nin4j.backend.DeviceRates;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.data.TrainTest;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.tensor.HostTensor;
import org.nin4j.text.Text;
import org.nin4j.train.Trainer;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.Trial;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.Position;
import org.nin4j.train.history.History;
import org.nin4j.train.recipe.Recipe;

/** The page over HTTP, of a small training in this process. */
@Timeout(value = 600, unit = TimeUnit.SECONDS)
class PageServerTest {
  private static final TrainTest DATA = Shapes.draw(5, 50, 30, 1);

  /** More than a test waits for; whoever starts it stops it. */
  private static final Recipe ENDLESS = Trial.recipe().toBuilder().epochs(1_000_000).build();

  @TempDir private Path folder;

  private final List<String> remarks = new ArrayList<>();
  private final LiveRun live = new LiveRun(remarks::add);
  private PageServer server;
  private PageReader reader;

  @BeforeEach
  void serve() {
    server = PageServer.open(0, Optional.of(live), folder, remarks::add);
    reader = new PageReader(server.address());
  }

  @AfterEach
  void close() {
    server.close();
    assertEquals(List.of(), remarks);
  }

  private Trainer trainer(Recipe recipe) {
    live.settle(
        new LiveRun.Setting(
            DATA, folder.resolve("now"), "a device", Optional.of(new DeviceRates(1e9, 1e10))));
    Trainer trainer =
        new Trainer(new ReferenceBackend(), recipe, Trial.NETWORK, DATA, List.of(live));
    live.control(trainer);
    return trainer;
  }

  /** A training in a thread of its own. */
  private FutureTask<Checkpoint> start(Recipe recipe) {
    Trainer trainer = trainer(recipe);
    FutureTask<Checkpoint> task = new FutureTask<>(trainer::train);
    new Thread(task).start();
    return task;
  }

  private String secret() {
    return server.address().getPath();
  }

  @Test
  void theAddressIsThisMachinesAndHardToGuess() {
    assertTrue(
        server.address().toString().matches("http://127\\.0\\.0\\.1:\\d+/[0-9a-f]{32}/"),
        server.address().toString());
    try (PageServer second = PageServer.open(0, Optional.empty(), folder, remarks::add)) {
      assertFalse(second.address().getPath().equals(secret()));
    }
  }

  @Test
  void withoutTheSecretNothingIsGiven() throws IOException, InterruptedException {
    URI address = server.address();
    for (String path :
        List.of(
            "/",
            "/state",
            "/page.js",
            "/favicon.ico",
            "/0123/state",
            secret().substring(0, 33),
            secret().substring(0, 32) + "x/state")) {
      PageReader stranger = new PageReader(address.resolve("/"));
      assertEquals(403, stranger.get(path).statusCode(), path);
      assertEquals(403, stranger.post(path), path);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "127.0.0.1:1234, 200",
    "localhost, 200",
    "localhost:9, 200",
    "[::1]:80, 200",
    "evil.example, 403",
    "127.0.0.1.evil.example:80, 403",
    "localhost.evil.example, 403",
    "evil.example:80@127.0.0.1, 403",
    "0.0.0.0, 403",
    "'', 403"
  })
  void onlyNamesOfThisMachineAreAnswered(String host, int code) throws IOException {
    for (String name : List.of("", "state", "runs")) {
      String line =
          reader.raw(
              Text.of(
                  "GET %s%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                  secret(), name, host));
      assertTrue(line.startsWith("HTTP/1.1 " + code), host + ": " + line);
    }
  }

  @Test
  void aRequestWithoutANameOrWithTwoIsRefused() throws IOException {
    for (String hosts : List.of("", "Host: localhost\r\nHost: evil.example\r\n")) {
      String line =
          reader.raw(
              Text.of("GET %sstate HTTP/1.1\r\n%sConnection: close\r\n\r\n", secret(), hosts));
      assertTrue(line.matches("HTTP/1.1 40[03].*"), line);
    }
  }

  @Test
  void otherPagesMayNotAct() throws Exception {
    FutureTask<Checkpoint> training = start(ENDLESS);
    try {
      reader.awaitPhase("training");
      String own = server.address().toString().replaceAll("(http://[^/]+)/.*", "$1");
      for (String action : List.of("pause", "resume", "stop")) {
        assertEquals(403, reader.post(action, "Origin", "https://evil.example"));
        assertEquals(403, reader.post(action, "Origin", "null"));
        assertEquals(403, reader.post(action, "Origin", "http://localhost:1"));
        assertEquals(403, reader.post(action, "Origin", own, "Sec-Fetch-Site", "cross-site"));
        assertEquals(403, reader.post(action, "Sec-Fetch-Site", "same-site"));
      }
      assertEquals("nothing", reader.json("state").get("asked").getAsString());
      assertFalse(training.isDone());
      assertEquals(204, reader.post("stop", "Origin", own, "Sec-Fetch-Site", "same-origin"));
      assertFalse(training.get().complete());
    } finally {
      reader.post("stop");
    }
  }

  @Test
  void whatActsIsPostedAndNothingElse() throws IOException, InterruptedException {
    for (String action : List.of("pause", "resume", "stop")) {
      HttpResponse<String> answer = reader.get(action);
      assertEquals(405, answer.statusCode());
      assertEquals("POST", answer.headers().firstValue("Allow").orElse(""));
    }
    for (String name : List.of("", "state", "runs", "page.js")) {
      assertEquals(405, reader.post(name), name);
    }
    assertEquals(404, reader.get("nothing").statusCode());
    assertEquals(404, reader.get("image/0").statusCode());
    assertEquals(403, reader.get("../state").statusCode());
  }

  @Test
  void beforeATrainingThereIsNothingToAsk() throws IOException, InterruptedException {
    assertEquals("preparing", reader.json("state").get("phase").getAsString());
    for (String action : List.of("pause", "resume", "stop")) {
      assertEquals(409, reader.post(action));
    }
  }

  @Test
  void headersKeepBrowsersFromElsewhere() throws IOException, InterruptedException {
    for (String name : List.of("", "page.css", "page.js", "state", "runs", "nothing")) {
      Map<String, List<String>> headers = reader.get(name).headers().map();
      String policy = headers.get("content-security-policy").get(0);
      assertTrue(policy.startsWith("default-src 'none'; script-src 'self';"), policy);
      assertFalse(policy.contains("unsafe"), policy);
      assertEquals(List.of("nosniff"), headers.get("x-content-type-options"));
      assertEquals(List.of("no-store"), headers.get("cache-control"));
      assertFalse(headers.containsKey("set-cookie"));
      assertFalse(headers.containsKey("access-control-allow-origin"));
    }
    assertTrue(
        reader
            .get("page.js")
            .headers()
            .firstValue("Content-Type")
            .orElse("")
            .startsWith("text/javascript"));
  }

  /** Addresses in the page lead nowhere but to itself. */
  @Test
  void thePageNamesNobodyElse() throws IOException, InterruptedException {
    for (String name : List.of("", "page.css", "page.js")) {
      String text =
          reader
              .get(name)
              .body()
              .replace("http://www.w3.org/2000/svg", ""); // A name space, which nobody asks.
      assertFalse(text.contains("//www.") || text.contains("http:") || text.contains("https:"));
    }
  }

  @Test
  void curvesMoveAndEverythingIsThere() throws Exception {
    FutureTask<Checkpoint> training = start(ENDLESS);
    try {
      JsonObject first = reader.await("a point", state -> PageReader.points(state) > 0);
      JsonObject later =
          reader.await(
              "more points and epochs, and times of steps",
              state ->
                  PageReader.points(state) > PageReader.points(first)
                      && state.get("plan").getAsLong() > 1
                      && PageReader.epochs(state) > 1);
      assertTrue(later.get("version").getAsLong() > first.get("version").getAsLong());
      for (String key : List.of("loss", "accuracy", "learning_rate", "images_per_second")) {
        var values = later.getAsJsonObject("curve").getAsJsonArray(key);
        assertEquals(PageReader.points(later), values.size());
        values.forEach(value -> assertTrue(value.getAsDouble() >= 0, value::toString));
      }
      JsonObject about = reader.json("about");
      assertEquals("now", about.get("run").getAsString());
      assertEquals(10, about.getAsJsonArray("classes").size());
      assertEquals(1e10, about.get("peak").getAsDouble());
      JsonObject plan = reader.json("plan");
      assertEquals("measured", plan.get("basis").getAsString());
      double shares =
          StreamSupport.stream(plan.getAsJsonArray("steps").spliterator(), false)
              .mapToDouble(step -> step.getAsJsonObject().get("share").getAsDouble())
              .sum();
      assertEquals(1, shares, 1e-4);
      JsonObject answers = reader.json("answers");
      long images =
          StreamSupport.stream(answers.getAsJsonArray("confusion").spliterator(), false)
              .flatMap(row -> StreamSupport.stream(row.getAsJsonArray().spliterator(), false))
              .mapToLong(n -> n.getAsLong())
              .sum();
      assertEquals(30, images);
      assertEquals(12, answers.getAsJsonArray("samples").size());
    } finally {
      reader.post("stop");
    }
    assertFalse(training.get().complete());
  }

  @Test
  void imagesAreThoseOfTheTest() throws IOException, InterruptedException {
    trainer(ENDLESS);
    byte[] expected = new byte[DATA.test().imageSize()];
    DATA.test().copyImage(29, expected, 0);
    try (Socket socket = new Socket("127.0.0.1", server.address().getPort())) {
      socket
          .getOutputStream()
          .write(
              Text.of(
                      "GET %simage/29 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                      secret())
                  .getBytes(StandardCharsets.ISO_8859_1));
      byte[] all = socket.getInputStream().readAllBytes();
      assertArrayEquals(
          expected, Arrays.copyOfRange(all, all.length - expected.length, all.length));
    }
    assertEquals(404, reader.get("image/30").statusCode());
    assertEquals(404, reader.get("image/-1").statusCode());
    assertEquals(404, reader.get("image/99999999999").statusCode());
  }

  @Test
  void aPauseWaitsAndGoesOn() throws Exception {
    FutureTask<Checkpoint> training = start(ENDLESS);
    try {
      reader.await("a point", state -> PageReader.points(state) > 0);
      assertEquals(204, reader.post("pause"));
      JsonObject paused = reader.awaitPhase("paused");
      // A report would come within this time, and much more than that.
      TimeUnit.MILLISECONDS.sleep(600);
      JsonObject still = reader.json("state");
      assertEquals(paused.get("version"), still.get("version"));
      assertEquals(paused.get("progress"), still.get("progress"));
      assertEquals(204, reader.post("resume"));
      JsonObject on =
          reader.await(
              "more points", state -> PageReader.points(state) > PageReader.points(paused));
      assertEquals("nothing", on.get("asked").getAsString());
      assertEquals(204, reader.post("pause"));
      reader.awaitPhase("paused");
      assertEquals(204, reader.post("stop"));
      assertFalse(training.get().complete());
    } finally {
      reader.post("stop");
    }
  }

  /** Whoever has the last word: a training that is asked to stop does not wait any more. */
  @Test
  void afterStopThereIsNoPause() throws Exception {
    FutureTask<Checkpoint> training = start(ENDLESS);
    reader.awaitPhase("training");
    assertEquals(204, reader.post("stop"));
    reader.post("pause");
    assertFalse(training.get().complete());
    live.ended(false, "stopped; go on with: so");
    assertEquals(
        "stopped; go on with: so", reader.awaitPhase("stopped").get("message").getAsString());
    assertEquals(409, reader.post("pause"));
  }

  @Test
  void twoReadersSeeTheSame() throws Exception {
    PageReader second =
        new PageReader(URI.create(server.address().toString().replace("127.0.0.1", "localhost")));
    FutureTask<Checkpoint> training = start(ENDLESS);
    try {
      reader.awaitPhase("training");
      reader.post("pause");
      reader.awaitPhase("paused");
      assertEquals(reader.get("state").body(), second.get("state").body());
      assertEquals(reader.get("plan").body(), second.get("plan").body());
      second.post("resume");
      reader.await("going on", state -> state.get("phase").getAsString().equals("training"));
    } finally {
      second.post("stop");
    }
    assertFalse(training.get().complete());
  }

  @Test
  void whatHasNotChangedIsNotGivenAgain() throws IOException, InterruptedException {
    long version = reader.json("state").get("version").getAsLong();
    assertEquals(204, reader.get("state?reader=a1&after=" + version).statusCode());
    assertEquals(200, reader.get("state?reader=a1&after=" + (version + 1)).statusCode());
    assertEquals(200, reader.get("state?after=no").statusCode());
  }

  /** Readers that ask for megabytes and take nothing. */
  @Test
  void slowReadersHoldUpNobody() throws Exception {
    List<Socket> slow = new ArrayList<>();
    try {
      for (int i = 0; i < 5; i++) {
        Socket socket = new Socket();
        socket.setReceiveBufferSize(4096);
        socket.connect(new InetSocketAddress("127.0.0.1", server.address().getPort()));
        String request = Text.of("GET %spage.js HTTP/1.1\r\nHost: localhost\r\n\r\n", secret());
        socket.getOutputStream().write(request.repeat(400).getBytes(StandardCharsets.ISO_8859_1));
        slow.add(socket);
      }
      Checkpoint last = start(Trial.recipe()).get();
      assertTrue(last.complete());
      assertEquals(200, reader.get("state").statusCode());
    } finally {
      for (Socket socket : slow) {
        socket.close();
      }
    }
  }

  /** Readers that ask all the time change no bit. */
  @Test
  void aPageChangesNoBit() throws Exception {
    Checkpoint alone =
        new Trainer(new ReferenceBackend(), Trial.recipe(), Trial.NETWORK, DATA, List.of()).train();
    AtomicBoolean reading = new AtomicBoolean(true);
    FutureTask<Integer> readers =
        new FutureTask<>(
            () -> {
              int answers = 0;
              for (; reading.get(); answers++) {
                reader.get("state");
                reader.get("plan");
                reader.get("answers");
              }
              return answers;
            });
    new Thread(readers).start();
    Checkpoint watched = start(Trial.recipe()).get();
    reading.set(false);
    readers.get();
    assertEquals(alone.parameters().keySet(), watched.parameters().keySet());
    for (Map.Entry<String, HostTensor> tensor : alone.parameters().entrySet()) {
      assertArrayEquals(
          tensor.getValue().values(), watched.parameters().get(tensor.getKey()).values(), 0);
    }
    for (int i = 0; i < 3; i++) {
      assertEquals(
          alone.history().epochs().get(i).testLoss(), watched.history().epochs().get(i).testLoss());
    }
  }

  @Test
  void aServerThatEndsEndsNoTraining() throws InterruptedException, ExecutionException {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch closed = new CountDownLatch(1);
    TrainingListener waiting =
        new TrainingListener() {
          @Override
          public void epochEnded(History history) {
            begun.countDown();
            try {
              closed.await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          }
        };
    live.settle(new LiveRun.Setting(DATA, folder.resolve("now"), "a device", Optional.empty()));
    Trainer trainer =
        new Trainer(
            new ReferenceBackend(), Trial.recipe(), Trial.NETWORK, DATA, List.of(live, waiting));
    FutureTask<Checkpoint> training = new FutureTask<>(trainer::train);
    new Thread(training).start();
    begun.await();
    server.close();
    closed.countDown();
    assertTrue(training.get().complete());
  }

  @Test
  void aPageThatFailsSaysSoOnceAndEndsNoTraining() {
    List<String> said = new ArrayList<>();
    LiveRun unsettled = new LiveRun(said::add); // Nobody told it of data and device.
    Checkpoint last =
        new Trainer(new ReferenceBackend(), Trial.recipe(), Trial.NETWORK, DATA, List.of(unsettled))
            .train();
    assertTrue(last.complete());
    assertEquals(1, said.size(), said::toString);
    assertTrue(said.get(0).startsWith("the page shows no more of this training"), said.get(0));
    unsettled.paused(Position.atEpoch(0));
    assertEquals(1, said.size());
  }

  @Test
  void aPortInUseIsSaid() {
    int port = server.address().getPort();
    PageServer.PortException refused =
        assertThrows(
            PageServer.PortException.class,
            () -> PageServer.open(port, Optional.empty(), folder, remarks::add));
    assertEquals(
        Text.of("port %d cannot be used: Address already in use", port), refused.getMessage());
  }

  @Test
  void theEndWaitsForThoseWhoLookAndForNobodyElse() throws Exception {
    long begin = System.nanoTime();
    server.linger();
    assertTrue(System.nanoTime() - begin < 2e9, "nobody looks");
    reader.get("state?reader=r1&after=-1");
    live.ended(true, "done");
    CountDownLatch ended = new CountDownLatch(1);
    Thread end =
        new Thread(
            () -> {
              server.linger();
              ended.countDown();
            });
    end.start();
    assertTrue(reader.get("state?reader=r1&after=-1").body().contains("done"));
    assertTrue(ended.await(60, TimeUnit.SECONDS));
  }

  @Test
  void runsAreReadAgainOnlyWhereTheyChange() throws IOException, InterruptedException {
    assertEquals(0, reader.json("runs").getAsJsonArray("runs").size());
    Path run = Files.createDirectories(folder.resolve("20260101-000000-nin"));
    Files.writeString(run.resolve("config.json"), "{");
    JsonObject broken = reader.json("runs");
    assertEquals(0, broken.getAsJsonArray("runs").size());
    assertTrue(
        broken.getAsJsonArray("left_out").get(0).getAsString().contains(run.toString()),
        broken::toString);
  }
}
