package org.nin4j.cli.output;

/** How a command can end. */
public enum ExitCode {
  OK(0, "success"),
  BUG(1, "unexpected error: run again with --debug and report it"),
  USAGE(2, "wrong command line or study"),
  DATA(3, "data missing, damaged or of the wrong kind"),
  NETWORK(4, "a description is no network, or the network cannot take such images"),
  CHECKPOINT(5, "the checkpoint is missing, damaged or of another network"),
  NUMERICAL(6, "the loss or a parameter became NaN or infinite"),
  FILES(7, "a file, folder or port cannot be used, or is in use; a full disk"),
  DEVICE(8, "the device or its memory is missing, too small or failed"),
  INTERRUPTED(130, "stopped by Ctrl-C; training saved a checkpoint");

  private final int number;
  private final String meaning;

  ExitCode(int number, String meaning) {
    this.number = number;
    this.meaning = meaning;
  }

  public String meaning() {
    return meaning;
  }

  public int number() {
    return number;
  }
}
