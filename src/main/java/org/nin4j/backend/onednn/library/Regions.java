package org.nin4j.backend.onednn.library;

import java.util.Arrays;

/** Parts of a workspace, one after the other. */
public final class Regions {
  private long end;

  /** Where the next part of the given number of bytes begins. */
  public long take(long bytes) {
    long begin = end;
    end += Calls.aligned(bytes);
    return begin;
  }

  /** Where a part begins that several use in turn, as large as the largest of them needs. */
  public long takeLargest(long... bytes) {
    return take(Arrays.stream(bytes).max().orElse(0));
  }

  /** All parts. */
  public long bytes() {
    return end;
  }
}
