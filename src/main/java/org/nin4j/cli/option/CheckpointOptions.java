package org.nin4j.cli.option;

import java.time.Duration;
import java.util.Optional;
import org.nin4j.text.Text;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How often a training is saved, and how much of what was saved is kept. */
public final class CheckpointOptions {
  private static final double USUAL_MINUTES = 5;
  private static final double MOST_MINUTES = 100_000;
  private static final int MOST_KEPT = 1000;
  private static final double MILLISECONDS = 60_000;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--checkpoint-every",
      paramLabel = "MINUTES",
      description =
          "Save within an epoch, too, MINUTES after the last time, which is what a crash costs at"
              + " most; less often where saving would take more than 1 %% of the time. 0: at the"
              + " ends of epochs only. Default: 5.")
  private Optional<Double> minutes = Optional.empty();

  @Option(
      names = "--keep",
      paramLabel = "N",
      description =
          "Keep the N last checkpoints before last.safetensors, as epoch-3.safetensors or"
              + " epoch-4-step-120.safetensors. Default: 0, beside last and best none.")
  private Optional<Integer> keep = Optional.empty();

  /**
   * How long after the last checkpoint the next one comes; zero for ends of epochs only.
   *
   * @throws ParameterException if that makes no sense as a time
   */
  public Duration every() {
    double asked = minutes.orElse(USUAL_MINUTES);
    if (!(asked >= 0 && asked <= MOST_MINUTES)) {
      throw new ParameterException(
          command.commandLine(),
          Text.of("--checkpoint-every is from 0 to %,.0f, not %s", MOST_MINUTES, asked));
    }
    return asked == 0
        ? Duration.ZERO
        : Duration.ofMillis(Math.max(1, Math.round(MILLISECONDS * asked)));
  }

  /**
   * How many earlier checkpoints are kept.
   *
   * @throws ParameterException if that is no such number
   */
  public int kept() {
    int asked = keep.orElse(0);
    if (asked < 0 || asked > MOST_KEPT) {
      throw new ParameterException(
          command.commandLine(), Text.of("--keep is from 0 to %d, not %d", MOST_KEPT, asked));
    }
    return asked;
  }

  /** The options as given, each after a space, for a shell. */
  public String toCommandLine() {
    return minutes.map(m -> " --checkpoint-every " + text(m)).orElse("")
        + keep.map(n -> " --keep " + n).orElse("");
  }

  private static String text(double number) {
    return number == Math.rint(number) ? String.valueOf((long) number) : String.valueOf(number);
  }
}
