package org.nin4j.cli;

import java.util.stream.Stream;

/** The command of a training that takes moments on any machine. */
public final class SmallTraining {
  private SmallTraining() {}

  /** The words of the command, with what else it is given. */
  public static String[] command(String... more) {
    String[] training =
        ("train --device reference --dataset shapes --network nin-mini --size 8 --batch 8")
            .split(" ");
    return Stream.concat(Stream.of(training), Stream.of(more)).toArray(String[]::new);
  }

  /** One that goes on until it is stopped. */
  public static String[] endless(String... more) {
    return Stream.concat(Stream.of(command("--limit", "80", "--epochs", "100000")), Stream.of(more))
        .toArray(String[]::new);
  }
}
