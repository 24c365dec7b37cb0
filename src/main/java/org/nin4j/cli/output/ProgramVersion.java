package org.nin4j.cli.output;

import java.util.Optional;

/** The version of this program. */
public final class ProgramVersion {
  private ProgramVersion() {}

  /** The version in the jar's manifest. */
  public static String text() {
    return Optional.ofNullable(ProgramVersion.class.getPackage().getImplementationVersion())
        .orElse("development");
  }
}
