package org.nin4j.backend.onednn;

import java.util.Arrays;

/** Parts of a workspace, one behind the other. */
final class Regions {
  private long end;

  /** Where the next part of so many bytes begins. */
  long take(long bytes) {
    long begin = end;
    end += Calls.aligned(bytes);
    return begin;
  }

  /** Where a part begins that several use in turn, as large as the largest of them needs. */
  long takeLargest(long... bytes) {
    return take(Arrays.stream(bytes).max().orElse(0));
  }

  /** All parts. */
  long bytes() {
    return end;
  }
}
