package org.nin4j.data.file;

import java.awt.image.BufferedImage;
import java.io.File;
import java.io.FileOutputStream;
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
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import javax.imageio.ImageIO;

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
  private final FileOutputStream stream;

  private PartialFile(Path target, Path partial, FileOutputStream stream) {
    this.target = target;
    this.partial = partial;
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
    FileOutputStream stream = new FileOutputStream(partial.toFile());
    // For a run that is interrupted.
    partial.toFile().deleteOnExit();
    return new PartialFile(target, partial, stream);
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
    try (PartialFile partial = create(target)) {
      ImageIO.write(picture, "png", partial.stream());
      partial.commit();
    } catch (IOException e) {
      throw new UncheckedIOException(target + " cannot be written: " + reason(e), e);
    }
  }

  /** What to write the content to. */
  public OutputStream stream() {
    return stream;
  }

  /** The same file, to be written at any place, by several threads if need be. */
  public FileChannel channel() {
    return stream.getChannel();
  }

  /**
   * Gives the file its name, replacing what had it. Content first, then the name, are on the disk
   * when this returns: a machine that loses its power has the old file or the new one.
   */
  public void commit() throws IOException {
    stream.getFD().sync();
    stream.close();
    rename(WAITS_FOR_READERS ? ATTEMPTS : 1);
    sync(target.toAbsolutePath().getParent());
  }

  /**
   * Has the names in a folder written to the disk, where the system can do that: not on Windows,
   * and not in folders that may be written to but not read.
   */
  public static void sync(Path folder) {
    try (FileChannel names = FileChannel.open(folder, StandardOpenOption.READ)) {
      names.force(true);
    } catch (IOException e) {
      return; // The file is whole, and will have its name unless the power fails this moment.
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
    stream.close();
    Files.deleteIfExists(partial);
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
