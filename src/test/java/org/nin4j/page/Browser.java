package org.nin4j.page;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.nin4j.text.Text;

/** A Chromium without a window that shows one page, told what to do by its DevTools protocol. */
public final class Browser implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(240);

  private final Process process;
  private final Path profile;
  private final WebSocket socket;
  private final AtomicInteger calls = new AtomicInteger();
  private final Map<Integer, CompletableFuture<JsonObject>> open = new ConcurrentHashMap<>();
  private final List<String> problems = new ArrayList<>();
  private final List<String> requests = new ArrayList<>();
  private String session = "";

  private Browser(Process process, Path profile, URI address) {
    this.process = process;
    this.profile = profile;
    socket =
        HttpClient.newHttpClient()
            .newWebSocketBuilder()
            .connectTimeout(PATIENCE)
            .buildAsync(address, new Listener())
            .join();
  }

  /** What a test names by $NIN4J_BROWSER, or finds; skips the test where there is none. */
  private static String name() {
    List<String> names =
        Optional.ofNullable(System.getenv("NIN4J_BROWSER"))
            .map(List::of)
            .orElse(List.of("chromium", "chromium-browser", "google-chrome"));
    for (String name : names) {
      boolean there =
          Stream.concat(
                  Stream.of(Path.of(name)),
                  Stream.of(System.getenv("PATH").split(File.pathSeparator))
                      .map(folder -> Path.of(folder, name)))
              .anyMatch(file -> file.isAbsolute() && Files.isExecutable(file));
      if (there) {
        return name;
      }
    }
    String reason = "there is no Chromium; $NIN4J_BROWSER names one";
    System.out.println("skipped: " + reason);
    Assumptions.abort(reason);
    throw new AssertionError();
  }

  /** Starts one, or skips the test where there is none. */
  public static Browser start() throws Exception {
    String name = name();
    Path profile = Files.createTempDirectory("nin-browser");
    Process process =
        new ProcessBuilder(
                name,
                "--headless",
                // Tests often run as root in a container, where its sandbox cannot.
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-extensions",
                "--disable-breakpad",
                "--no-first-run",
                "--remote-debugging-port=0",
                "--user-data-dir=" + profile,
                "about:blank")
            .redirectErrorStream(true)
            .redirectOutput(profile.resolve("said").toFile())
            .start();
    try {
      Path port = profile.resolve("DevToolsActivePort");
      long begin = System.nanoTime();
      List<String> lines = List.of();
      while (lines.size() < 2) {
        String said = Files.readString(profile.resolve("said"));
        assertTrue(process.isAlive(), () -> "the browser ended: " + said);
        assertTrue(System.nanoTime() - begin < PATIENCE.toNanos(), () -> "no browser: " + said);
        Thread.sleep(20);
        lines = Files.exists(port) ? Files.readAllLines(port) : lines;
      }
      Browser browser =
          new Browser(
              process,
              profile,
              URI.create(Text.of("ws://127.0.0.1:%s%s", lines.get(0), lines.get(1))));
      browser.attach();
      return browser;
    } catch (Exception | AssertionError e) {
      process.destroyForcibly();
      throw e;
    }
  }

  private void attach() throws Exception {
    JsonObject target = new JsonObject();
    target.addProperty("url", "about:blank");
    JsonObject created = call("Target.createTarget", target);
    JsonObject which = new JsonObject();
    which.add("targetId", created.get("targetId"));
    which.addProperty("flatten", true);
    session = call("Target.attachToTarget", which).get("sessionId").getAsString();
    for (String domain : List.of("Page", "Runtime", "Log", "Network")) {
      call(domain + ".enable", new JsonObject());
    }
  }

  private JsonObject call(String method, JsonObject parameters) throws Exception {
    int id = calls.incrementAndGet();
    JsonObject message = new JsonObject();
    message.addProperty("id", id);
    message.addProperty("method", method);
    message.add("params", parameters);
    if (!session.isEmpty()) {
      message.addProperty("sessionId", session);
    }
    CompletableFuture<JsonObject> answer = new CompletableFuture<>();
    open.put(id, answer);
    socket.sendText(message.toString(), true).get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    JsonObject received;
    try {
      received = answer.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (TimeoutException | ExecutionException e) {
      throw new IOException("the browser does not answer to " + method, e);
    }
    assertTrue(received.has("result"), received::toString);
    return received.getAsJsonObject("result");
  }

  /** Puts messages together from their parts. */
  private final class Listener implements WebSocket.Listener {
    private final StringBuilder text = new StringBuilder();

    @Override
    public CompletionStage<?> onText(WebSocket from, CharSequence part, boolean last) {
      text.append(part);
      if (last) {
        received(JsonParser.parseString(text.toString()).getAsJsonObject());
        text.setLength(0);
      }
      from.request(1);
      return null;
    }
  }

  private void received(JsonObject message) {
    if (message.has("id")) {
      Optional.ofNullable(open.remove(message.get("id").getAsInt()))
          .ifPresent(answer -> answer.complete(message));
      return;
    }
    JsonObject event = message.getAsJsonObject("params");
    synchronized (this) {
      switch (message.get("method").getAsString()) {
        case "Network.requestWillBeSent" ->
            requests.add(event.getAsJsonObject("request").get("url").getAsString());
        case "Runtime.exceptionThrown", "Runtime.consoleAPICalled" ->
            problems.add(event.toString());
        case "Log.entryAdded" -> {
          // Warnings are of how a test looks at the page.
          if (event.getAsJsonObject("entry").get("level").getAsString().equals("error")) {
            problems.add(event.toString());
          }
        }
        default -> {}
      }
    }
  }

  public void open(URI page) throws Exception {
    JsonObject where = new JsonObject();
    where.addProperty("url", page.toString());
    call("Page.navigate", where);
  }

  /** How large it shows the page, in light or dark. */
  public void look(int width, int height, boolean dark) throws Exception {
    JsonObject size = new JsonObject();
    size.addProperty("width", width);
    size.addProperty("height", height);
    size.addProperty("deviceScaleFactor", 1);
    size.addProperty("mobile", false);
    call("Emulation.setDeviceMetricsOverride", size);
    call(
        "Emulation.setEmulatedMedia",
        JsonParser.parseString(
                Text.of(
                    "{\"features\": [{\"name\": \"prefers-color-scheme\", \"value\": \"%s\"}]}",
                    dark ? "dark" : "light"))
            .getAsJsonObject());
  }

  /** The value of an expression of JavaScript. */
  public JsonElement evaluate(String expression) throws Exception {
    JsonObject what = new JsonObject();
    what.addProperty("expression", expression);
    what.addProperty("returnByValue", true);
    JsonObject result = call("Runtime.evaluate", what);
    assertTrue(!result.has("exceptionDetails"), () -> expression + ": " + result);
    JsonElement value = result.getAsJsonObject("result").get("value");
    return value == null ? new JsonObject() : value;
  }

  public String text(String expression) throws Exception {
    return evaluate(Text.of("String(%s)", expression)).getAsString();
  }

  /** Asks until an expression is true. */
  public void await(String expression) throws Exception {
    long begin = System.nanoTime();
    while (!evaluate(Text.of("Boolean(%s)", expression)).getAsBoolean()) {
      if (System.nanoTime() - begin > PATIENCE.toNanos()) {
        fail(Text.of("never true: %s; %s", expression, problems()));
      }
      Thread.sleep(50);
    }
  }

  /** What the console says: errors and whatever the page prints. */
  public synchronized List<String> problems() {
    return List.copyOf(problems);
  }

  /** The addresses that were asked for. */
  public synchronized List<String> requests() {
    return List.copyOf(requests);
  }

  @Override
  public void close() throws InterruptedException {
    socket.abort();
    List<ProcessHandle> parts = process.descendants().toList();
    parts.forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly().waitFor();
    parts.forEach(part -> part.onExit().join());
    try (Stream<Path> files = Files.walk(profile)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException | UncheckedIOException e) {
      System.out.println("left behind: " + profile);
    }
  }
}
