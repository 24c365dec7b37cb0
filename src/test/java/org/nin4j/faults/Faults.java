package org.nin4j.faults;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * What goes wrong with the files below a folder. All operations there are counted, from 1 on; one
 * of them, or all from it on, fail as Linux lets them fail.
 */
final class Faults {
  private static final String SPACE = "No space left on device";
  private static final String BROKEN = "Input/output error";
  private static final String READ_ONLY = "Read-only file system";
  private static final long SLOW_NANOSECONDS = 20_000_000;

  private Faults() {}

  /** An operation of a file system. */
  enum Operation {
    STAT,
    LIST,
    OPEN,
    READ,
    CREATE,
    WRITE,
    TRUNCATE,
    SYNC,
    CLOSE,
    LOCK,
    MOVE,
    LINK,
    DELETE,
    MAKE_FOLDER,
    ROOM
  }

  private static final Set<Operation> NEED_SPACE =
      EnumSet.of(Operation.CREATE, Operation.WRITE, Operation.LINK, Operation.MAKE_FOLDER);
  private static final Set<Operation> CHANGE =
      EnumSet.of(
          Operation.CREATE,
          Operation.WRITE,
          Operation.TRUNCATE,
          Operation.MOVE,
          Operation.LINK,
          Operation.DELETE,
          Operation.MAKE_FOLDER);

  /** A way to fail. */
  enum Fault {
    /** No operation fails. */
    NONE,
    /** One operation fails: EIO. */
    ONCE,
    /** All fail from one on: EIO; nothing can be removed either. */
    GONE,
    /** What needs space fails from one on, a write in its middle: ENOSPC. */
    FULL,
    /** What changes anything fails from one on: EROFS. */
    READ_ONLY,
    /** From one on, there is no such folder. */
    VANISHED,
    /** Every operation takes its time. */
    SLOW
  }

  private static Optional<Path> watched = Optional.empty();
  private static Optional<Path> vanishes = Optional.empty();
  private static Fault fault = Fault.NONE;
  private static int at;
  private static int count;
  private static boolean madeAnew;
  private static final List<String> seen = new ArrayList<>();

  /**
   * Begins to count.
   *
   * @param folder below which operations count
   * @param vanishing what is renamed where that is the fault
   * @param number of the operation that fails, from 1
   */
  static synchronized void begin(Path folder, Path vanishing, Fault how, int number) {
    watched = Optional.of(folder);
    vanishes = Optional.of(vanishing);
    fault = how;
    at = number;
    count = 0;
    madeAnew = false;
    seen.clear();
  }

  /** All is well again. Returns what was done, in order. */
  static synchronized List<String> end() throws IOException {
    watched = Optional.empty();
    Path away = away();
    if (Files.isDirectory(away)) {
      if (Files.exists(vanishes.orElseThrow())) {
        // What was there before does not come back.
        madeAnew = true;
        try (Stream<Path> all = Files.walk(away)) {
          for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
            Files.delete(path);
          }
        }
      } else {
        Files.move(away, vanishes.orElseThrow());
      }
    }
    return List.copyOf(seen);
  }

  /** Whether a folder that vanished was made again, without what it held. */
  static synchronized boolean madeAnew() {
    return madeAnew;
  }

  private static Path away() {
    Path folder = vanishes.orElseThrow();
    return folder.resolveSibling(folder.getFileName() + "-away");
  }

  /** Whether the write that follows is the one in whose middle the disk is full. */
  static synchronized boolean tears(Path path) {
    return isWatched(path) && fault == Fault.FULL && count + 1 == at;
  }

  private static boolean isWatched(Path path) {
    return watched.isPresent()
        && path.toAbsolutePath().normalize().toString().startsWith(watched.get().toString());
  }

  /** Counts an operation; throws where it is to fail. */
  static synchronized void before(Operation operation, Path path) throws IOException {
    if (!isWatched(path)) {
      return;
    }
    count++;
    seen.add(operation + " " + path.getFileName());
    boolean reached = count >= at;
    switch (fault) {
      case NONE -> {}
      case ONCE -> fail(count == at, operation, path, BROKEN);
      case GONE -> fail(reached, operation, path, BROKEN);
      case FULL -> fail(reached && NEED_SPACE.contains(operation), operation, path, SPACE);
      case READ_ONLY -> fail(reached && CHANGE.contains(operation), operation, path, READ_ONLY);
      case VANISHED -> {
        if (count == at) {
          Optional<Path> counting = watched;
          watched = Optional.empty();
          if (Files.isDirectory(vanishes.orElseThrow())) {
            Files.move(vanishes.get(), away());
          }
          watched = counting;
        }
      }
      case SLOW -> LockSupport.parkNanos(SLOW_NANOSECONDS);
    }
  }

  /** What is open fails without a name, the rest with it. */
  private static void fail(boolean now, Operation operation, Path path, String reason)
      throws IOException {
    if (now) {
      switch (operation) {
        case READ, WRITE, TRUNCATE, SYNC, CLOSE, LOCK -> throw new IOException(reason);
        default -> throw new FileSystemException(path.toString(), null, reason);
      }
    }
  }
}
