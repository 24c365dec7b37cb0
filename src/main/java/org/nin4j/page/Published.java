package org.nin4j.page;

import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * A value that is exchanged for another now and then. Its JSON is made when a reader asks, on the
 * reader's thread, and is the same bytes for all readers until the next exchange: who exchanges
 * never waits for who reads.
 */
final class Published<T> {
  /**
   * A value with its JSON.
   *
   * @param version counts exchanges, from 0
   */
  private record Version<T>(long version, T value) {}

  private record Written(long version, byte[] json) {}

  private final Function<T, JsonObject> writer;
  private final AtomicReference<Version<T>> now;
  private volatile Optional<Written> written = Optional.empty();

  Published(T first, Function<T, JsonObject> writer) {
    this.writer = writer;
    now = new AtomicReference<>(new Version<>(0, first));
  }

  /** Exchanges the value; may be called from any thread. */
  void update(UnaryOperator<T> change) {
    now.updateAndGet(v -> new Version<>(v.version() + 1, change.apply(v.value())));
  }

  T value() {
    return now.get().value();
  }

  long version() {
    return now.get().version();
  }

  /** The value with its {@code version}, in UTF-8. */
  byte[] json() {
    Version<T> current = now.get();
    Optional<Written> last = written;
    if (last.isPresent() && last.get().version() == current.version()) {
      return last.get().json();
    }
    JsonObject json = writer.apply(current.value());
    json.addProperty("version", current.version());
    byte[] bytes = json.toString().getBytes(StandardCharsets.UTF_8);
    written = Optional.of(new Written(current.version(), bytes));
    return bytes;
  }
}
