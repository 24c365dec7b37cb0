package org.nin4j.cli;

import java.util.Optional;

/** The version of this program. */
final class ProgramVersion {
  private ProgramVersion() {}

  /** The version in the jar's manifest. */
  static String text() {
    return Optional.ofNullable(ProgramVersion.class.getPackage().getImplementationVersion())
        .orElse("development");
  }
}
