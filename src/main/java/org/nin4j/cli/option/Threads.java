package org.nin4j.cli.option;

import java.util.List;
import java.util.OptionalInt;
import org.nin4j.text.Text;

/**
 * How many threads compute on the processor.
 *
 * @param count at least 1, at most the cores
 * @param remarks where it is not what was asked for
 */
record Threads(int count, List<String> remarks) {
  Threads {
    remarks = List.copyOf(remarks);
  }

  /**
   * Bounds what was asked for by the cores. OpenMP's own number wins, since oneDNN takes it and no
   * other.
   *
   * @param asked by {@code --threads}; else one for each core
   * @param openMp OMP_NUM_THREADS, which the launcher sets from {@code --threads}
   * @throws IllegalArgumentException if less than 1 was asked for
   */
  static Threads choose(OptionalInt asked, OptionalInt openMp, int cores) {
    if (asked.isPresent() && asked.getAsInt() < 1) {
      throw new IllegalArgumentException("there is at least 1 thread, not " + asked.getAsInt());
    }
    int bounded = Math.min(asked.orElse(cores), cores);
    int count = Math.min(openMp.orElse(bounded), cores);
    if (openMp.isPresent() && openMp.getAsInt() > cores) {
      return remarked(
          count,
          "OMP_NUM_THREADS=%d is more than the %d cores: this will be slow",
          openMp.getAsInt(),
          cores);
    } else if (asked.isPresent() && count != bounded) {
      return remarked(count, "OMP_NUM_THREADS=%d wins over --threads %d", count, asked.getAsInt());
    } else if (asked.isPresent() && asked.getAsInt() > cores) {
      return remarked(
          count, "--threads %d: there are %d cores, so %d threads", asked.getAsInt(), cores, count);
    } else if (openMp.isEmpty() && count < cores) {
      return remarked(
          count,
          "--threads %d: oneDNN takes one thread for each of %d cores unless OMP_NUM_THREADS is"
              + " set, as the launcher nin does",
          count,
          cores);
    }
    return new Threads(count, List.of());
  }

  private static Threads remarked(int count, String remark, Object... arguments) {
    return new Threads(count, List.of(Text.of(remark, arguments)));
  }
}
