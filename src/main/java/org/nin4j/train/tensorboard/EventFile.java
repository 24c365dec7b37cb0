package org.nin4j.train.tensorboard;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.nin4j.text.Text;

/**
 * A file of events that TensorBoard reads while it grows. A record is its length as 8 bytes, the
 * checksum of these, its data, and their checksum, all little-endian; the data are a message {@code
 * Event}. Source: {@code record_writer.h}, {@code event.proto} and {@code summary.proto} of
 * https://github.com/tensorflow/tensorboard and https://github.com/tensorflow/tensorflow.
 */
final class EventFile implements AutoCloseable {
  /** Fields of {@code Event}. */
  private static final int WALL_TIME = 1;

  private static final int STEP = 2;
  private static final int FILE_VERSION = 3;
  private static final int SUMMARY = 5;
  private static final int SESSION_LOG = 7;

  /** Of {@code SessionLog}: its status, and the one that says that what came later is void. */
  private static final int STATUS = 1;

  private static final int START = 1;

  /** Added to checksums, so that the checksum of data that hold one is no simple number. */
  private static final int MASK_DELTA = 0xa282ead8;

  private static final Pattern NAME =
      Pattern.compile("events\\.out\\.tfevents\\.(\\d{10})\\.nin4j(?:\\.\\d+)?");

  private final OutputStream stream;

  private EventFile(OutputStream stream) {
    this.stream = stream;
  }

  /**
   * Begins a file that is not there yet.
   *
   * @param folder TensorBoard takes all event files of a folder for one run
   * @param now part of the name, so that the files of a run that went on are in order; where the
   *     clock went back, the time of the latest file in its place
   * @throws IOException if it cannot be made
   */
  static EventFile create(Path folder, Instant now) throws IOException {
    long seconds = Math.max(now.getEpochSecond(), latest(folder));
    String name = Text.of("events.out.tfevents.%010d.nin4j", seconds);
    Path path = folder.resolve(name);
    for (int i = 2; Files.exists(path); i++) {
      path = folder.resolve(name + "." + i);
    }
    EventFile file =
        new EventFile(
            new BufferedOutputStream(Files.newOutputStream(path, StandardOpenOption.CREATE_NEW)));
    file.write(event(now, 0).text(FILE_VERSION, "brain.Event:2"));
    file.flush();
    return file;
  }

  /** The time in the name of the latest file; 0 where there is none. */
  private static long latest(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> NAME.matcher(file.getFileName().toString()))
          .filter(Matcher::matches)
          .mapToLong(name -> Long.parseLong(name.group(1)))
          .max()
          .orElse(0);
    }
  }

  /** What an earlier file of the folder says of this step and later ones no longer holds. */
  void restart(Instant now, long step) throws IOException {
    write(event(now, step).message(SESSION_LOG, new Message().integer(STATUS, START)));
  }

  void summary(Instant now, long step, Summary summary) throws IOException {
    write(event(now, step).message(SUMMARY, summary.message()));
  }

  private static Message event(Instant now, long step) {
    return new Message()
        .real(WALL_TIME, now.getEpochSecond() + now.getNano() / 1e9)
        .integer(STEP, step);
  }

  private void write(Message event) throws IOException {
    byte[] data = event.toBytes();
    ByteBuffer head = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
    head.putLong(data.length);
    head.putInt(maskedChecksum(head.array(), 8));
    stream.write(head.array());
    stream.write(data);
    ByteBuffer end = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
    stream.write(end.putInt(maskedChecksum(data, data.length)).array());
  }

  private static int maskedChecksum(byte[] bytes, int count) {
    CRC32C checksum = new CRC32C();
    checksum.update(bytes, 0, count);
    return Integer.rotateRight((int) checksum.getValue(), 15) + MASK_DELTA;
  }

  void flush() throws IOException {
    stream.flush();
  }

  @Override
  public void close() throws IOException {
    stream.close();
  }
}
