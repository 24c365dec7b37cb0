package org.nin4j.kit;

import java.util.Map;

/**
 * What a part of the kit came to.
 *
 * @param status whether what it proves holds
 * @param summary one line for people: what was seen, or why not
 * @param numbers for machines: names to numbers, texts, lists and further maps
 */
record Outcome(Status status, String summary, Map<String, Object> numbers) {
  enum Status {
    OK,
    FAILED,
    SKIPPED
  }

  static Outcome of(boolean ok, String summary, Map<String, Object> numbers) {
    return new Outcome(ok ? Status.OK : Status.FAILED, summary, numbers);
  }

  static Outcome failed(String reason) {
    return new Outcome(Status.FAILED, reason, Map.of());
  }

  static Outcome skipped(String reason) {
    return new Outcome(Status.SKIPPED, reason, Map.of());
  }
}
