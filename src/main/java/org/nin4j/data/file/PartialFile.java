package org.nin4j.data.file;

import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;

/**
 * A file that gets its name only when it is complete: written beside its target under a name of its
 * own, then renamed. Closed without {@link #commit()} it leaves nothing behind, and whatever stood
 * under the target's name stays as it was.
 */
public final class PartialFile implements AutoCloseable {

  /**
   * Windows refuses to replace a file while somebody has it open: a virus scanner, for a moment.
   */
  private static final boolean WAITS_FOR_READERS = File.separatorChar == '\\';

  private static final int ATTEMPTS = 20;
  private static final long BETWEEN_MILLISECONDS = 100;

  private final Path target;
  private final Path partial;

  /** Open from before the first write: a sync tells of all that failed since. */
  private final FileChannel channel;

  /** Of its own, since it goes on when the thread is interrupted; a channel would be closed. */
  private final OutputStream stream;

  private boolean committed;

  private PartialFile(Path target, Path partial, FileChannel channel, OutputStream stream) {
    this.target = target;
    this.partial = partial;
    this.channel = channel;
    this.stream = stream;
  }

  /** Opens a file for writing, and makes its folder where there is none. */
  public static PartialFile create(Path target) throws IOException {
    Path folder = target.toAbsolutePath().getParent();
    // createDirectories fails on a link to a folder in some JDKs.
    if (!Files.isDirectory(folder)) {
      Files.createDirectories(folder);
    }
    Path partial = folder.resolve(target.getFileName() + "." + UUID.randomUUID() + ".part");
    FileChannel channel =
        FileChannel.open(
            partial,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    // For a run that is interrupted.
    partial.toFile().deleteOnExit();
    try {
      OutputStream stream = Files.newOutputStream(partial, StandardOpenOption.WRITE);
      return new PartialFile(target, partial, channel, stream);
    } catch (IOException e) {
      try (channel) {
        Files.deleteIfExists(partial);
      } catch (IOException again) {
        e.addSuppressed(again);
      }
      throw e;
    }
  }

  /**
   * Writes a whole file of text in UTF-8.
   *
   * @throws UncheckedIOException if that fails; what had the name is still there
   */
  public static void write(Path target, String text) {
    try (PartialFile partial = create(target)) {
      partial.stream().write(text.getBytes(StandardCharsets.UTF_8));
      partial.commit();
    } catch (IOException e) {
      throw new UncheckedIOException(target + " cannot be written: " + reason(e), e);
    }
  }

  /**
   * Writes a picture as a PNG file.
   *
   * @throws UncheckedIOException if that fails; what had the name is still there
   */
  public static void write(Path target, BufferedImage picture) {
    byte[] png = Png.encode(picture);
    try (PartialFile partial = create(target)) {
      partial.stream().write(png);
      partial.commit();
    } catch (IOException e) {
      throw new UncheckedIOException(target + " cannot be written: " + reason(e), e);
    }
  }

  /** What to write the content to. */
  public OutputStream stream() {
    return stream;
  }

  /** The same file, to be written and read at any place, by several threads if need be. */
  public FileChannel channel() {
    return channel;
  }

  /**
   * Gives the file its name, replacing what had it. Content first, then the name, are on the disk
   * when this returns: a machine that loses its power has the old file or the new one.
   */
  public void commit() throws IOException {
    stream.close();
    sync(channel);
    channel.close();
    rename(WAITS_FOR_READERS ? ATTEMPTS : 1);
    committed = true;
    sync(target.toAbsolutePath().getParent());
  }

  /**
   * Has the names in a folder written to the disk, where the system can do that: not on Windows,
   * and not in folders that may be written to but not read.
   */
  public static void sync(Path folder) {
    try (FileChannel names = FileChannel.open(folder, StandardOpenOption.READ)) {
      sync(names);
    } catch (IOException e) {
      return; // The file is whole, and will have its name unless the power fails this moment.
    }
  }

  /** A thread that is interrupted would not sync: it is so again afterwards. */
  private static void sync(FileChannel channel) throws IOException {
    boolean interrupted = Thread.interrupted();
    try {
      channel.force(true);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void rename(int attempts) throws IOException {
    for (int attempt = 1; ; attempt++) {
      try {
        Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
        return;
      } catch (AccessDeniedException e) {
        if (attempt == attempts) {
          throw e;
        }
        LockSupport.parkNanos(BETWEEN_MILLISECONDS * 1_000_000);
      }
    }
  }

  @Override
  public void close() throws IOException {
    if (committed) {
      return; // Whole and in its place: nothing that fails from now on changes that.
    }
    try {
      stream.close();
    } finally {
      try {
        channel.close();
      } finally {
        Files.deleteIfExists(partial);
      }
    }
  }

  /**
   * Whether there is a file or folder of that name. {@link Files#exists} says no, too, where a disk
   * does not answer; what stands there would then be taken for lost, or written over.
   *
   * @throws UncheckedIOException if that cannot be found out
   */
  public static boolean isThere(Path file) {
    try {
      Files.readAttributes(file, BasicFileAttributes.class);
      return true;
    } catch (NoSuchFileException e) {
      return false;
    } catch (IOException e) {
      Path folder = file.toAbsolutePath().getParent();
      if (folder != null && Files.isRegularFile(folder)) {
        return false; // Nothing is in what is no folder.
      }
      throw unreadable(file, e);
    }
  }

  /** What to throw where a file is there and cannot be read. */
  public static UncheckedIOException unreadable(Path file, IOException e) {
    String told =
        e instanceof AccessDeniedException
            ? "access to " + file + " is denied"
            : file + " cannot be read: " + reason(e);
    return new UncheckedIOException(told, e);
  }

  /** What went wrong, for people: the messages of some exceptions are bare file names. */
  public static String reason(IOException e) {
    if (e instanceof AccessDeniedException) {
      return "access to " + e.getMessage() + " is denied";
    }
    if (e instanceof FileAlreadyExistsException) {
      return e.getMessage() + " is in the way";
    }
    if (e instanceof NoSuchFileException) {
      return e.getMessage() + " does not exist";
    }
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }
}
