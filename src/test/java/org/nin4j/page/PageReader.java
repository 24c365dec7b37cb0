package org.nin4j.page;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.function.Predicate;
import org.nin4j.text.Text;

/** A reader of a page that is no browser. */
public final class PageReader {
  private static final Duration PATIENCE = Duration.ofSeconds(240);

  private final HttpClient client = HttpClient.newHttpClient();
  private final URI page;

  public PageReader(URI page) {
    this.page = page;
  }

  public HttpResponse<String> get(String name) throws IOException, InterruptedException {
    return client.send(
        HttpRequest.newBuilder(page.resolve(name)).timeout(PATIENCE).build(),
        BodyHandlers.ofString());
  }

  public JsonObject json(String name) throws IOException, InterruptedException {
    HttpResponse<String> answer = get(name);
    assertEquals(200, answer.statusCode(), answer::body);
    return JsonParser.parseString(answer.body()).getAsJsonObject();
  }

  /** The code of the answer to a POST, with some headers, names and values in turn. */
  public int post(String name, String... headers) throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(page.resolve(name)).timeout(PATIENCE).POST(BodyPublishers.noBody());
    if (headers.length > 0) {
      request.headers(headers);
    }
    return client.send(request.build(), BodyHandlers.ofString()).statusCode();
  }

  /** Asks until the state is so; how it is then. */
  public JsonObject await(String what, Predicate<JsonObject> so)
      throws IOException, InterruptedException {
    long begin = System.nanoTime();
    JsonObject state = json("state");
    while (!so.test(state)) {
      if (System.nanoTime() - begin > PATIENCE.toNanos()) {
        fail(Text.of("not within %s: %s; it is %s", PATIENCE, what, state));
      }
      Thread.sleep(20);
      state = json("state");
    }
    return state;
  }

  public JsonObject awaitPhase(String phase) throws IOException, InterruptedException {
    return await(phase, state -> state.get("phase").getAsString().equals(phase));
  }

  /** Steps on the curve of a state. */
  public static int points(JsonObject state) {
    return state.getAsJsonObject("curve").getAsJsonArray("step").size();
  }

  /** Epochs in the history of a state. */
  public static int epochs(JsonObject state) {
    JsonObject columns = state.getAsJsonObject("epochs");
    return columns.has("epoch") ? columns.getAsJsonArray("epoch").size() : 0;
  }

  /** The first line of the answer to a request as it stands. */
  public String raw(String request) throws IOException {
    try (Socket socket = new Socket(page.getHost(), page.getPort())) {
      socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
      String answer =
          new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
      return answer.lines().findFirst().orElse("");
    }
  }
}
