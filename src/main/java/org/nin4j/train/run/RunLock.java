package org.nin4j.train.run;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.function.Consumer;
import org.nin4j.data.file.PartialFile;
import org.nin4j.text.Text;

/**
 * Keeps a folder to one training: two would mix their checkpoints and histories. The system gives
 * the lock back when the process ends, however it ends; the file with the process's number stays.
 * On POSIX systems a process loses its lock as soon as it closes any descriptor of the file: a
 * second training of the same process is refused, but lets other processes in from then on.
 */
public final class RunLock implements AutoCloseable {
  /**
   * One byte far behind the process's number: where locks are mandatory, as on Windows, nobody else
   * could read the number of a file that is locked as a whole.
   */
  private static final long LOCKED_BYTE = 1L << 30;

  private final FileChannel channel;

  /** Kept: Java forgets a lock within this process that nobody refers to. */
  private final Optional<FileLock> lock;

  private final Consumer<String> remarks;

  private RunLock(FileChannel channel, Optional<FileLock> lock, Consumer<String> remarks) {
    this.channel = channel;
    this.lock = lock;
    this.remarks = remarks;
  }

  static Path file(Path run) {
    return run.resolve(".lock");
  }

  /**
   * Takes the lock of a folder.
   *
   * @param otherwise what can be done instead of waiting for another training's end
   * @param remarks receives a line where the file system has no locks
   * @throws UncheckedIOException if another training has it, or the folder cannot be written to
   */
  public static RunLock take(Path run, String otherwise, Consumer<String> remarks) {
    Path file = file(run);
    FileChannel channel;
    try {
      channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be opened: " + PartialFile.reason(e), e);
    }
    try {
      Optional<FileLock> lock = lock(channel, run, otherwise, remarks);
      channel.truncate(0);
      channel.write(
          ByteBuffer.wrap((ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.UTF_8)));
      return new RunLock(channel, lock, remarks);
    } catch (IOException e) {
      // Else this process would keep the folder locked, for nothing.
      closeQuietly(channel, e);
      throw new UncheckedIOException(file + " cannot be written: " + PartialFile.reason(e), e);
    }
  }

  private static void closeQuietly(FileChannel channel, IOException reason) {
    try {
      channel.close();
    } catch (IOException e) {
      reason.addSuppressed(e);
    }
  }

  private static Optional<FileLock> lock(
      FileChannel channel, Path run, String otherwise, Consumer<String> remarks)
      throws IOException {
    Optional<FileLock> lock;
    try {
      lock = Optional.ofNullable(channel.tryLock(LOCKED_BYTE, 1, false));
    } catch (OverlappingFileLockException e) {
      lock = Optional.empty(); // Another training of this process has it.
    } catch (IOException e) {
      remarks.accept(
          Text.of(
              "%s cannot be locked (%s): let no other process train in it",
              run, PartialFile.reason(e)));
      return Optional.empty();
    }
    if (lock.isEmpty()) {
      String holder = Files.readString(file(run)).strip();
      channel.close();
      String message =
          Text.of("process %s is training in %s: wait for its end, or %s", holder, run, otherwise);
      throw new UncheckedIOException(message, new IOException(message));
    }
    return lock;
  }

  /** Closing the file gives the lock back, too; what fails here costs nothing but is said. */
  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      remarks.accept("the lock of a run cannot be closed: " + PartialFile.reason(e));
    }
  }
}
