package org.nin4j.backend;

import org.junit.jupiter.api.Assumptions;
import org.nin4j.plan.Precision;
import org.nin4j.text.Text;

/** What a test needs that not every machine has; without it the test is skipped. */
public final class Needs {
  private Needs() {}

  /** Skips the calling test, with a printed reason, where the device does not compute so. */
  public static void precision(Backend backend, Precision precision) {
    if (!backend.computesIn(precision)) {
      String reason =
          Text.of(
              "%s does not compute in %s here (%s)",
              backend.name(), precision, backend.description());
      System.out.println("skipped: " + reason);
      Assumptions.abort(reason);
    }
  }
}
