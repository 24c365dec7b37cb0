package org.nin4j.backend.onednn;

/** Parts of a workspace, one behind the other. */
final class Regions {
  private long end;

  /** Where the next part of so many bytes begins. */
  long take(long bytes) {
    long begin = end;
    end += Calls.aligned(bytes);
    return begin;
  }

  /** All parts. */
  long bytes() {
    return end;
  }
}
