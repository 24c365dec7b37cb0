package org.nin4j.page;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.nin4j.data.ImageDataset;
import org.nin4j.page.RunState.Asked;
import org.nin4j.text.Text;

/**
 * Gives the page to browsers on this machine that know its address, which has a secret in it.
 *
 * <p>Pages from elsewhere cannot act here: they do not know the secret; a name that was pointed at
 * this machine is refused by the {@code Host} header; and what changes something must come by POST
 * from this page, by {@code Origin} and {@code Sec-Fetch-Site}.
 */
public final class PageServer implements AutoCloseable {
  private static final int SECRET_BYTES = 16;

  /** Readers that are answered at the same time. */
  private static final int MOST_THREADS = 32;

  private static final int IDLE_SECONDS = 30;
  private static final long NO_VERSION = -1;
  private static final Pattern LOOPBACK =
      Pattern.compile("(?:127\\.0\\.0\\.1|localhost|\\[::1])(?::\\d{1,5})?");
  private static final Pattern IMAGE = Pattern.compile("image/(\\d{1,9})");

  /** Who asks for the state, and which version of it they have. */
  private static final Pattern STATE = Pattern.compile("reader=(\\w{1,32})&after=(-?\\d{1,18})");

  private static final String CONTENT_POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:;"
          + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  private static final Map<String, String> FILES =
      Map.of(
          "", "page.html",
          "page.css", "page.css",
          "page.js", "page.js");

  private static final Map<String, Asked> ACTIONS =
      Map.of("pause", Asked.PAUSE, "resume", Asked.NOTHING, "stop", Asked.STOP);

  static {
    // Seconds that a request and an answer may take: Java's server knows them by these names only.
    System.setProperty("sun.net.httpserver.maxReqTime", "20");
    System.setProperty("sun.net.httpserver.maxRspTime", "60");
  }

  private final HttpServer server;
  private final ThreadPoolExecutor threads;
  private final String secret;
  private final Optional<LiveRun> live;
  private final EarlierRuns runs;
  private final Consumer<String> remarks;
  private final AtomicBoolean failed = new AtomicBoolean();
  private final Readers readers = new Readers();

  private PageServer(
      HttpServer server, Optional<LiveRun> live, Path runs, Consumer<String> remarks) {
    this.server = server;
    this.live = live;
    this.runs = new EarlierRuns(runs);
    this.remarks = remarks;
    byte[] random = new byte[SECRET_BYTES];
    new SecureRandom().nextBytes(random);
    secret = HexFormat.of().formatHex(random);
    AtomicInteger number = new AtomicInteger();
    threads =
        new ThreadPoolExecutor(
            0,
            MOST_THREADS,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            task -> {
              Thread thread = new Thread(task, "page-" + number.incrementAndGet());
              thread.setDaemon(true);
              return thread;
            });
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  /** What an address with this number is refused with: someone else has it, or may have it only. */
  public static final class PortException extends UncheckedIOException {
    private static final long serialVersionUID = 1;

    private PortException(int port, IOException cause) {
      super(Text.of("port %d cannot be used: %s", port, cause.getMessage()), cause);
    }
  }

  /**
   * Begins to serve, on this machine alone.
   *
   * @param port 0 for any that is free
   * @param live the training that the page is of, if it is of one
   * @param runs the folder of all runs
   * @param remarks receives a line when the page fails
   * @throws PortException if the port cannot be had
   */
  public static PageServer open(
      int port, Optional<LiveRun> live, Path runs, Consumer<String> remarks) {
    try {
      InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
      HttpServer server = HttpServer.create(new InetSocketAddress(loopback, port), 0);
      return new PageServer(server, live, runs, remarks);
    } catch (BindException e) {
      throw new PortException(port, e);
    } catch (IOException e) {
      throw new UncheckedIOException("the page cannot be served: " + e.getMessage(), e);
    }
  }

  /** Where the page is. */
  public URI address() {
    return URI.create(Text.of("http://127.0.0.1:%d/%s/", server.getAddress().getPort(), secret));
  }

  /**
   * An answer to a request.
   *
   * @param sent done when the reader has it
   */
  private record Answer(int code, String type, byte[] content, Runnable sent) {
    Answer(int code, String type, byte[] content) {
      this(code, type, content, () -> {});
    }

    static Answer text(int code, String text) {
      return new Answer(
          code, "text/plain; charset=utf-8", (text + "\n").getBytes(StandardCharsets.UTF_8));
    }

    static Answer json(byte[] json) {
      return new Answer(200, "application/json", json);
    }

    Answer then(Runnable done) {
      return new Answer(code, type, content, done);
    }

    static final Answer NOTHING = new Answer(204, "text/plain", new byte[0]);
  }

  private void handle(HttpExchange exchange) {
    try (exchange) {
      Answer answer = answer(exchange);
      send(exchange, answer);
      answer.sent().run();
    } catch (IOException e) {
      return; // The reader went away.
    } catch (RuntimeException | Error e) {
      if (failed.compareAndSet(false, true)) {
        remarks.accept("the page fails, and nothing else: " + e);
      }
    }
  }

  private Answer answer(HttpExchange exchange) throws IOException {
    List<String> hosts = exchange.getRequestHeaders().getOrDefault("Host", List.of());
    if (hosts.size() != 1 || !LOOPBACK.matcher(hosts.get(0)).matches()) {
      return Answer.text(403, "this page is for this machine alone");
    }
    String path = exchange.getRequestURI().getRawPath();
    String prefix = "/" + secret + "/";
    int end = Math.min(path.length(), prefix.length());
    if (!same(path.substring(0, end), prefix)) {
      return Answer.text(403, "this page has another address, which nin printed when it began");
    }
    String name = path.substring(end);
    Asked action = ACTIONS.get(name);
    String method = exchange.getRequestMethod();
    if (!method.equals(action == null ? "GET" : "POST")) {
      exchange.getResponseHeaders().set("Allow", action == null ? "GET" : "POST");
      return Answer.text(405, "not by " + method);
    }
    if (action == null) {
      return look(name, exchange.getRequestURI());
    }
    if (!isFromThisPage(exchange.getRequestHeaders(), hosts.get(0))) {
      return Answer.text(403, "only this page itself may ask for that");
    }
    return live.isPresent() && live.get().ask(action)
        ? Answer.NOTHING
        : Answer.text(409, "there is no training under way");
  }

  private static boolean same(String given, String expected) {
    return MessageDigest.isEqual(
        given.getBytes(StandardCharsets.UTF_8), expected.getBytes(StandardCharsets.UTF_8));
  }

  /** Browsers say where a POST is from; what is no browser needs not, since it knows the secret. */
  private static boolean isFromThisPage(Headers headers, String host) {
    return headers.getOrDefault("Origin", List.of()).stream()
            .allMatch(origin -> origin.equals("http://" + host))
        && headers.getOrDefault("Sec-Fetch-Site", List.of()).stream()
            .allMatch(site -> site.equals("same-origin"));
  }

  private Answer look(String name, URI address) throws IOException {
    if (FILES.containsKey(name)) {
      return file(FILES.get(name));
    }
    if (name.equals("runs")) {
      return Answer.json(runs.json());
    }
    if (live.isEmpty()) {
      return name.equals("state") ? Answer.json("{}".getBytes(StandardCharsets.UTF_8)) : absent();
    }
    LiveRun run = live.get();
    switch (name) {
      case "state":
        return state(run, Optional.ofNullable(address.getRawQuery()).orElse(""));
      case "about":
        return Answer.json(run.about());
      case "plan":
        return Answer.json(run.plan());
      case "answers":
        return Answer.json(run.answers());
      default:
        var image = IMAGE.matcher(name);
        return image.matches() ? image(run, Integer.parseInt(image.group(1))) : absent();
    }
  }

  private static Answer absent() {
    return Answer.text(404, "there is no such thing");
  }

  private Answer state(LiveRun run, String query) {
    var known = STATE.matcher(query);
    boolean over = run.over();
    Optional<byte[]> news =
        run.stateAfter(known.matches() ? Long.parseLong(known.group(2)) : NO_VERSION);
    Answer answer = news.map(Answer::json).orElse(Answer.NOTHING);
    return known.matches() ? answer.then(() -> readers.looked(known.group(1), over)) : answer;
  }

  /** The bytes of an image [channels, height, width] as they are stored. */
  private static Answer image(LiveRun run, int number) {
    Optional<ImageDataset> images = run.images().filter(all -> number < all.count());
    if (images.isEmpty()) {
      return absent();
    }
    byte[] pixels = new byte[images.get().imageSize()];
    images.get().copyImage(number, pixels, 0);
    return new Answer(200, "application/octet-stream", pixels);
  }

  private static Answer file(String name) throws IOException {
    String type =
        name.endsWith(".css") ? "text/css" : name.endsWith(".js") ? "text/javascript" : "text/html";
    try (InputStream in = PageServer.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("the program lacks " + name);
      }
      return new Answer(200, type + "; charset=utf-8", in.readAllBytes());
    }
  }

  private static void send(HttpExchange exchange, Answer answer) throws IOException {
    Headers headers = exchange.getResponseHeaders();
    headers.set("Content-Type", answer.type());
    headers.set("Content-Security-Policy", CONTENT_POLICY);
    headers.set("X-Content-Type-Options", "nosniff");
    headers.set("Cross-Origin-Resource-Policy", "same-origin");
    headers.set("Referrer-Policy", "no-referrer");
    headers.set("Cache-Control", "no-store");
    boolean empty = answer.content().length == 0;
    exchange.sendResponseHeaders(answer.code(), empty ? -1 : answer.content().length);
    if (!empty) {
      exchange.getResponseBody().write(answer.content());
    }
  }

  /** Waits for those who look to see how it ended, for some seconds at most. */
  public void linger() {
    try {
      readers.awaitAllSeeTheEnd();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
