package org.nin4j.data.published;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodySubscribers;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.nin4j.data.DataException;
import org.nin4j.data.DataMissingException;
import org.nin4j.data.file.PartialFile;
import org.nin4j.text.Text;

/**
 * Fetches published files over HTTP. A file gets its name only when all of it is there and its MD5
 * sum fits; several processes may fetch the same file at once.
 */
public final class Downloader {

  private static final long POLL_MILLISECONDS = 100;

  private final Duration patience;

  /** A downloader that waits so long for a connection, and for the next bytes. */
  public Downloader(Duration patience) {
    this.patience = patience;
  }

  /**
   * Fetches one file from the first address that gives it.
   *
   * @param mirrors folders to find the file in, tried in turn; each ends in a slash
   * @param target where to put it; its folder is made where it is not there
   * @throws DataMissingException if no address gives the file
   * @throws UncheckedIOException if the file cannot be written
   * @throws DataException if the thread is interrupted
   */
  void fetch(PublishedFile file, List<URI> mirrors, Path target, DownloadListener listener) {
    List<String> failures = new ArrayList<>();
    for (URI mirror : mirrors) {
      URI address = mirror.resolve(file.name());
      try (PartialFile partial = PartialFile.create(target)) {
        Optional<String> failure = receive(file, address, partial.stream(), listener);
        if (failure.isEmpty()) {
          partial.commit();
          return;
        }
        failures.add(address + ": " + failure.get());
      } catch (IOException e) {
        throw new UncheckedIOException(
            Text.of("%s cannot be written: %s", target, PartialFile.reason(e)), e);
      }
    }
    throw new DataMissingException(String.join("; ", failures));
  }

  /**
   * Copies what an address sends to a stream.
   *
   * @return why the address failed, or nothing if it sent the published file
   * @throws IOException if the stream cannot be written
   */
  Optional<String> receive(
      PublishedFile file, URI address, OutputStream stream, DownloadListener listener)
      throws IOException {
    // Made where it is needed: it loads all of TLS, a fifth of a command's start.
    HttpClient client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NORMAL)
            .connectTimeout(patience)
            .build();
    DownloadReceiver receiver = new DownloadReceiver(stream);
    CompletableFuture<HttpResponse<Void>> response =
        client.sendAsync(
            HttpRequest.newBuilder(address).build(),
            head -> {
              if (head.statusCode() != 200) {
                return BodySubscribers.replacing(null);
              }
              receiver.begin(head.headers().firstValueAsLong("Content-Length"));
              return BodySubscribers.ofByteArrayConsumer(receiver);
            });
    boolean started = false;
    long lastSeen = -1;
    long lastChange = System.nanoTime();
    try {
      while (true) {
        boolean done = isDoneWithin(response, POLL_MILLISECONDS);
        receiver.throwIfUnwritable();
        if (receiver.hasBegun()) {
          if (!started) {
            listener.started(file.name(), address, receiver.announced());
            started = true;
          }
          listener.received(file.name(), receiver.bytes());
        }
        if (done) {
          return verdict(response, receiver, file);
        }
        long seen = receiver.hasBegun() ? receiver.bytes() : -1;
        if (seen != lastSeen) {
          lastSeen = seen;
          lastChange = System.nanoTime();
        } else if (System.nanoTime() - lastChange > patience.toNanos()) {
          return Optional.of("nothing came for " + patience.toMillis() / 1000.0 + " s");
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DataException("The download of " + address + " was interrupted", e);
    } finally {
      response.cancel(true);
      receiver.end();
      if (started) {
        listener.ended(file.name());
      }
    }
  }

  private static boolean isDoneWithin(CompletableFuture<?> future, long milliseconds)
      throws InterruptedException {
    try {
      future.get(milliseconds, TimeUnit.MILLISECONDS);
      return true;
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      return true;
    }
  }

  private static Optional<String> verdict(
      CompletableFuture<HttpResponse<Void>> response, DownloadReceiver receiver, PublishedFile file)
      throws InterruptedException {
    try {
      int status = response.get().statusCode();
      if (status != 200) {
        return Optional.of("the server answered HTTP " + status);
      }
    } catch (ExecutionException e) {
      return Optional.of(reason(e.getCause(), receiver));
    }
    String md5 = receiver.md5();
    return md5.equals(file.md5())
        ? Optional.empty()
        : Optional.of("another file came: its MD5 is " + md5 + ", not " + file.md5());
  }

  private static String reason(Throwable failure, DownloadReceiver receiver) {
    if (receiver.hasBegun()) {
      return Text.of(
          "the transfer broke off after %d bytes (%s)", receiver.bytes(), failure.getMessage());
    }
    if (failure instanceof HttpTimeoutException) {
      return "no connection in time";
    }
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof UnresolvedAddressException) {
        return "the server's name is not known here (no network?)";
      }
    }
    return failure instanceof ConnectException
        ? "no connection"
        : failure.getClass().getSimpleName() + ": " + failure.getMessage();
  }
}
