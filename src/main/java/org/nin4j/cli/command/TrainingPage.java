package org.nin4j.cli.command;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.nin4j.backend.Backend;
import org.nin4j.cli.option.PageOption;
import org.nin4j.cli.output.Console;
import org.nin4j.data.TrainTest;
import org.nin4j.data.published.DataLocations;
import org.nin4j.page.LiveRun;
import org.nin4j.page.PageServer;
import org.nin4j.train.Trainer;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.diagnosis.KnownRates;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.run.RunFolder;

/** The page of a training, where one is asked for; else nothing. */
final class TrainingPage implements AutoCloseable {
  /** A training's without one. */
  static final TrainingPage NONE = new TrainingPage(Optional.empty());

  private final Optional<Served> served;

  private record Served(LiveRun run, PageServer server) {}

  private TrainingPage(Optional<Served> served) {
    this.served = served;
  }

  /**
   * Begins to serve, before anything takes long.
   *
   * @param runs the folder of all runs
   * @param told where its address is printed, and what fails
   */
  static TrainingPage open(PageOption option, Path runs, PrintStream told) {
    if (!option.given()) {
      return NONE;
    }
    LiveRun run = new LiveRun(told::println);
    PageServer server =
        PageOption.open(option.port(), "--ui PORT", Optional.of(run), runs, told::println);
    told.println("page: " + server.address());
    return new TrainingPage(Optional.of(new Served(run, server)));
  }

  /** Who listens to the training for the page. */
  List<TrainingListener> listeners() {
    return served.<TrainingListener>map(Served::run).stream().toList();
  }

  void settle(Backend backend, Recipe recipe, TrainTest data, RunFolder folder, Console console) {
    Path cache = DataLocations.of(Optional.empty(), console.environment(), console.home()).cache();
    served.ifPresent(
        page ->
            page.run()
                .settle(
                    new LiveRun.Setting(
                        data,
                        folder.path(),
                        backend.description(),
                        KnownRates.find(cache, backend, recipe.precisionOn(backend)))));
  }

  void control(Trainer trainer) {
    served.ifPresent(page -> page.run().control(trainer));
  }

  /** Does what is left of the command; the page shows why it fails. */
  <T> T during(Supplier<T> work) {
    try {
      return work.get();
    } catch (RuntimeException | Error e) {
      served.ifPresent(page -> page.run().failed(String.valueOf(e.getMessage())));
      served.ifPresent(page -> page.server().linger());
      throw e;
    }
  }

  /** Shows how it ended, and gives those who look the time to see it. */
  void ended(boolean complete, String message) {
    served.ifPresent(page -> page.run().ended(complete, message));
    served.ifPresent(page -> page.server().linger());
  }

  @Override
  public void close() {
    served.ifPresent(page -> page.server().close());
  }
}
