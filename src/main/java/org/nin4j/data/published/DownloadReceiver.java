package org.nin4j.data.published;

import java.io.IOException;
import java.io.OutputStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.nin4j.data.file.Md5;

/**
 * Takes the bytes of one response on the HTTP client's thread: writes them, sums them up, counts
 * them; watched from another thread.
 */
final class DownloadReceiver implements Consumer<Optional<byte[]>> {

  private final OutputStream stream;
  private final MessageDigest digest = Md5.digest();
  private OptionalLong announced = OptionalLong.empty();
  private IOException failure;
  private boolean begun;
  private boolean ended;
  private long bytes;

  DownloadReceiver(OutputStream stream) {
    this.stream = stream;
  }

  synchronized void begin(OptionalLong contentLength) {
    begun = true;
    announced = contentLength;
  }

  @Override
  public synchronized void accept(Optional<byte[]> part) {
    if (ended || failure != null || part.isEmpty()) {
      return;
    }
    try {
      stream.write(part.get());
      digest.update(part.get());
      bytes += part.get().length;
    } catch (IOException e) {
      failure = e;
    }
  }

  /** After this nothing is written any more, whatever still comes. */
  synchronized void end() {
    ended = true;
  }

  synchronized boolean hasBegun() {
    return begun;
  }

  synchronized OptionalLong announced() {
    return announced;
  }

  synchronized long bytes() {
    return bytes;
  }

  /** The MD5 sum of all bytes; may be asked once. */
  synchronized String md5() {
    return HexFormat.of().formatHex(digest.digest());
  }

  synchronized void throwIfUnwritable() throws IOException {
    if (failure != null) {
      throw failure;
    }
  }
}
