package org.nin4j.fuzz;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.nin4j.text.Text;

/** Gives bytes to a reader, which may refuse them as documented, soon, and in bounded memory. */
final class Fuzzing implements AutoCloseable {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private static final int TIMES_AGAIN = 4;

  private final Target target;
  private final int allowance;
  private final Path folder;

  /**
   * @param allowance how many times as much as the target's most may be allocated: 1, or more where
   *     what watches the reader allocates beside it
   */
  Fuzzing(Target target, int allowance) throws IOException {
    this.target = target;
    this.allowance = allowance;
    Path memory = Path.of("/dev/shm");
    folder =
        Files.isWritable(memory)
            ? Files.createTempDirectory(memory, "fuzz")
            : Files.createTempDirectory("fuzz");
  }

  /**
   * Reads once; what takes long or much, some times more, since classes may have been loaded, or a
   * fuzzer may have changed them while they were.
   *
   * @throws AssertionError if it ends in another way than documented
   */
  void read(byte[] input) {
    Optional<String> told = tooMuch(input);
    for (int again = 0; again < TIMES_AGAIN && told.isPresent(); again++) {
      told = tooMuch(input);
    }
    told.ifPresent(
        last -> {
          throw new AssertionError(last);
        });
  }

  private Optional<String> tooMuch(byte[] input) {
    long thread = Thread.currentThread().getId();
    long allocated = THREADS.getThreadAllocatedBytes(thread);
    long begin = THREADS.getCurrentThreadCpuTime();
    try {
      target.read(folder, input);
    } catch (Throwable thrown) {
      if (!target.documents(thrown)) {
        throw new AssertionError(target + " throws what it does not document", thrown);
      }
      if (String.valueOf(thrown.getMessage()).isBlank() || thrown.getMessage() == null) {
        throw new AssertionError(target + " says nothing of what is wrong", thrown);
      }
    }
    long nanoseconds = THREADS.getCurrentThreadCpuTime() - begin;
    allocated = THREADS.getThreadAllocatedBytes(thread) - allocated;
    if (nanoseconds > target.mostSeconds() * 1e9) {
      return Optional.of(Text.of("%s computed for %.1f s", target, nanoseconds / 1e9));
    }
    return allocated <= allowance * target.mostBytes(input.length)
        ? Optional.empty()
        : Optional.of(Text.of("%s allocated %,d bytes for %,d", target, allocated, input.length));
  }

  static void delete(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      List<Path> paths = all.sorted(Comparator.reverseOrder()).toList();
      for (Path path : paths) {
        Files.delete(path);
      }
    }
  }

  @Override
  public void close() throws IOException {
    delete(folder);
  }
}
