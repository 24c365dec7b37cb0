package org.nin4j.cli.option;

import java.util.Optional;
import java.util.function.IntFunction;
import org.nin4j.backend.Backend;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.Quantities;
import org.nin4j.data.TrainTest;
import org.nin4j.text.Text;
import org.nin4j.train.TimeBudget;
import org.nin4j.train.TrainingSpeed;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How long the command may take, and the epochs that follow from it. */
public final class TimeBudgetOption {
  private static final double LEAST_MINUTES = 0.1;
  private static final double MOST_MINUTES = 10_000;

  /** Java compiles the loops in the first thirty steps or so. */
  private static final double WARM_UP_SECONDS = 6;

  private static final double MEASURED_SECONDS = 10;

  /** Of a short budget, measuring takes a share only. */
  private static final double WARM_UP_SHARE = 0.012;

  private static final double MEASURED_SHARE = 0.02;

  private final long begin = System.nanoTime();

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--minutes",
      paramLabel = "N",
      description =
          "End within N minutes: measures the training speed, chooses 1 to 5 epochs with settings"
              + " for that number, a tenth of the time kept back, and prints the options that train"
              + " the same again. Default: the recipe's epochs, however long they take.")
  private Optional<Double> minutes = Optional.empty();

  /** Whether there is one. */
  public boolean given() {
    return minutes.isPresent();
  }

  /** Refuses what makes no sense as a time. */
  public void check() {
    if (minutes.isPresent() && !(minutes.get() >= LEAST_MINUTES && minutes.get() <= MOST_MINUTES)) {
      throw new ParameterException(
          command.commandLine(),
          Text.of(
              "--minutes is from %s to %,.0f, not %s", LEAST_MINUTES, MOST_MINUTES, minutes.get()));
    }
  }

  /**
   * Measures the device, and chooses.
   *
   * @param recipes by epochs, from {@link Recipes#FEWEST_EPOCHS} on
   * @throws java.util.NoSuchElementException if the option was not given
   */
  public TimeBudget.Choice choose(
      Backend backend, IntFunction<Recipe> recipes, TrainTest data, Console console) {
    double whole = 60 * minutes.orElseThrow();
    double speed =
        TrainingSpeed.measure(
            backend,
            recipes.apply(Recipes.FEWEST_EPOCHS),
            data.train(),
            Math.min(WARM_UP_SECONDS, WARM_UP_SHARE * whole),
            Math.min(MEASURED_SECONDS, MEASURED_SHARE * whole));
    double left = whole - (System.nanoTime() - begin) / 1e9;
    TimeBudget.Choice choice =
        new TimeBudget(left).choose(speed, data.train().count(), data.test().count());
    console.out().println(line(choice, left));
    return choice;
  }

  static String line(TimeBudget.Choice choice, double left) {
    String device = "This device trains " + Quantities.speed(choice.imagesPerSecond());
    String takes =
        Text.of(
            "%d %s some %s",
            choice.epochs(),
            choice.epochs() == 1 ? "epoch takes" : "epochs take",
            Quantities.duration(choice.expectedSeconds()));
    String time = Quantities.duration(Math.max(0, left));
    return choice.fits()
        ? Text.of("%s: %s of the %s that are left.", device, takes, time)
        : Text.of(
            "%s, too few for the %s that are left: even the shortest recipe's %s.",
            device, time, takes);
  }
}
