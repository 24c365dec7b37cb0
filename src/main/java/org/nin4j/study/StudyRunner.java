package org.nin4j.study;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.nin4j.backend.Backend;
import org.nin4j.data.TrainTest;
import org.nin4j.tensor.HostTensor;
import org.nin4j.text.Text;
import org.nin4j.train.NumericalException;
import org.nin4j.train.Progress;
import org.nin4j.train.Trainer;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.Parameters;
import org.nin4j.train.checkpoint.Position;
import org.nin4j.train.history.History;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.run.RunCheckpoints;
import org.nin4j.train.run.RunFolder;
import org.nin4j.train.session.Images;

/**
 * Trains what a study is made of, one run after the other, each in a folder of its own: {@code
 * runs/VARIANT-seedN}. What is finished is skipped, what was interrupted goes on; after each run
 * the reports are written anew.
 */
public final class StudyRunner {
  private static final String RUNS = "runs";

  private final Backend backend;
  private final StudyPlan plan;
  private final Path out;
  private final Function<Recipe, TrainTest> data;
  private final Preparation preparation;
  private final Saving saving;
  private final StudyReport report;
  private final StudyListener listener;

  /** Of data sets; each takes a look at all of its bytes. */
  private final Map<TrainTest, String> fingerprints = new IdentityHashMap<>();

  private volatile Optional<Trainer> training = Optional.empty();
  private volatile boolean stopping;
  private Optional<PlannedRun> current = Optional.empty();

  /** What else wants to hear of a run: who writes its configuration, for example. */
  @FunctionalInterface
  public interface Preparation {
    List<TrainingListener> listeners(PlannedRun run, TrainTest data, RunFolder folder);
  }

  /**
   * How its runs are saved.
   *
   * @param every see {@link Trainer#checkpointEvery}
   * @param keep see {@link RunFolder#keep}
   */
  public record Saving(Duration every, int keep) {
    /** At the ends of epochs; the last and the best checkpoint alone. */
    public static final Saving PLAIN = new Saving(Duration.ZERO, 0);
  }

  /**
   * Prepares a study.
   *
   * @param out the study's folder
   * @param data loads what a recipe is trained on
   */
  public StudyRunner(
      Backend backend,
      StudyPlan plan,
      Path out,
      Function<Recipe, TrainTest> data,
      Preparation preparation,
      Saving saving,
      StudyReport report,
      StudyListener listener) {
    this.backend = backend;
    this.plan = plan;
    this.out = out;
    this.data = data;
    this.preparation = preparation;
    this.saving = saving;
    this.report = report;
    this.listener = listener;
  }

  /** What is done and what is left. */
  private static final class Work {
    private final double total;
    private double done;

    Work(double total) {
      this.total = total;
    }

    double share(double more) {
      return total > 0 ? Math.min(1, (done + more) / total) : 1;
    }
  }

  /** A run that is not finished, and how far it is. */
  private record Open(
      StudyListener.Place place, Optional<RunCheckpoints.Newest> newest, double work) {
    Optional<Checkpoint> from() {
      return newest.map(RunCheckpoints.Newest::checkpoint);
    }
  }

  /** Makes the study stop after the step that is under way; may be called from any thread. */
  public void stop() {
    stopping = true;
    training.ifPresent(Trainer::stop);
  }

  /**
   * Trains all runs that are not finished.
   *
   * @return whether all of them are; if not, it was stopped
   * @throws StudyException if a run's folder holds something else
   */
  public boolean run() {
    List<Open> open = open();
    int finished = plan.chosen().size() - open.size();
    if (finished > 0) {
      listener.remarked(
          Text.of("%d of %d runs are finished already: skipped", finished, plan.chosen().size()));
    }
    report.write(results());
    Work work = new Work(open.stream().mapToDouble(Open::work).sum());
    for (Open next : open) {
      if (stopping || !run(next, work)) {
        return false;
      }
    }
    return true;
  }

  /** What is being trained. */
  public Optional<PlannedRun> current() {
    return current;
  }

  /** The folder of a run. */
  public Path folder(PlannedRun run) {
    return out.resolve(RUNS).resolve(run.name());
  }

  /** The results there are, by run. */
  public Map<PlannedRun, RunResult> results() {
    return plan.runs().stream()
        .flatMap(run -> finished(run).map(result -> Map.entry(run, result)).stream())
        .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
  }

  private Optional<RunResult> finished(PlannedRun run) {
    return RunResult.read(folder(run)).filter(result -> result.isOf(run, fingerprint(run)));
  }

  private String fingerprint(PlannedRun run) {
    return fingerprints.computeIfAbsent(data.apply(run.recipe()), Images::fingerprint);
  }

  /** Before anything runs: a folder of another training is nothing to write to. */
  private List<Open> open() {
    List<Open> open = new ArrayList<>();
    int number = 0;
    for (PlannedRun run : plan.chosen()) {
      number++;
      if (finished(run).isPresent()) {
        continue;
      }
      RunResult.read(folder(run))
          .ifPresent(other -> requireSame(run, other.recipe(), other.isOf(run, fingerprint(run))));
      Optional<RunCheckpoints.Newest> newest =
          RunCheckpoints.newest(folder(run), listener::remarked);
      Optional<Checkpoint> from = newest.map(RunCheckpoints.Newest::checkpoint);
      from.ifPresent(
          checkpoint ->
              requireSame(
                  run,
                  checkpoint.recipe(),
                  checkpoint.recipe().equals(run.recipe())
                      && checkpoint.network().equals(run.network())
                      && checkpoint.data().equals(fingerprint(run))));
      open.add(
          new Open(
              new StudyListener.Place(number, plan.chosen().size(), run),
              newest,
              work(run) * (1 - from.map(c -> share(run, c.position())).orElse(0.0))));
    }
    return open;
  }

  private void requireSame(PlannedRun run, Recipe other, boolean same) {
    if (!same) {
      throw new StudyException(
          Text.of(
              "%s holds another training than %s: %s; remove that folder to train anew, or choose another with --out",
              folder(run), run.name(), RecipeDifference.of(other, run.recipe())));
    }
  }

  /** Multiply-adds of a run, but for a factor that all runs share. */
  private double work(PlannedRun run) {
    TrainTest images = data.apply(run.recipe());
    return (double) Resources.multiplyAdds(run.recipe(), run.network(), images)
        * run.recipe().epochs()
        * images.train().count();
  }

  /** How much of a run is done, without the epoch that is under way. */
  private static double share(PlannedRun run, Position position) {
    return position.epoch() / (double) run.recipe().epochs();
  }

  /**
   * Of a run, at a moment.
   *
   * @return its share, in [0, 1]
   */
  private static double share(PlannedRun run, Progress progress, TrainTest images) {
    // An image's evaluation takes a third of its training: forward of forward and two gradients.
    double test = images.test().count() / 3.0;
    double training = images.train().count() / (images.train().count() + test);
    double phase = progress.step() / (double) progress.steps();
    double epoch =
        progress.phase() == Progress.Phase.TRAINING
            ? training * phase
            : training + (1 - training) * phase;
    return (progress.epoch() - 1 + epoch) / run.recipe().epochs();
  }

  /** Trains a run; false if it was stopped. */
  private boolean run(Open open, Work work) {
    PlannedRun run = open.place().run();
    current = Optional.of(run);
    TrainTest images = data.apply(run.recipe());
    double whole = work(run);
    double before = open.from().map(c -> share(run, c.position())).orElse(0.0);
    listener.began(open.place(), open.from().map(Checkpoint::position));
    try (RunFolder folder = RunFolder.at(folder(run), listener::remarked)) {
      TrainingListener progress =
          new TrainingListener() {
            @Override
            public void progressed(Progress at) {
              double more = Math.max(0, share(run, at, images) - before);
              listener.progressed(open.place(), at, work.share(more * whole));
            }
          };
      List<TrainingListener> all = new ArrayList<>(preparation.listeners(run, images, folder));
      all.add(progress);
      all.add(folder);
      Optional<RunResult> result = train(run, images, open.newest(), folder, all);
      if (result.isEmpty()) {
        return false;
      }
      result.get().write(folder.path());
      report.write(results());
      work.done += open.work();
      listener.ended(open.place(), result.get(), work.share(0));
      return true;
    }
  }

  private Optional<RunResult> train(
      PlannedRun run,
      TrainTest images,
      Optional<RunCheckpoints.Newest> newest,
      RunFolder folder,
      List<TrainingListener> listeners) {
    Optional<Checkpoint> from = newest.map(RunCheckpoints.Newest::checkpoint);
    if (from.isPresent() && from.get().complete()) {
      // It was stopped after its last epoch, before this.
      folder.complete(from.get());
      return Optional.of(
          result(run, images, Optional.empty(), from.get().history(), from.get().parameters()));
    }
    Latest latest = new Latest();
    listeners.add(latest);
    Trainer trainer =
        new Trainer(
            backend,
            run.recipe(),
            run.network(),
            images,
            from.flatMap(Checkpoint::whitening),
            listeners);
    trainer.checkpointEvery(saving.every());
    folder.keep(saving.keep());
    folder.requireRoom(trainer.checkpointBytes());
    training = Optional.of(trainer);
    if (stopping) {
      return Optional.empty();
    }
    try {
      Checkpoint last =
          newest.isPresent()
              ? trainer.resume(folder.goOn(newest.get().checkpoint(), newest.get().file()))
              : trainer.train();
      return last.complete()
          ? Optional.of(result(run, images, Optional.empty(), last.history(), last.parameters()))
          : Optional.empty();
    } catch (NumericalException e) {
      History history =
          latest.history.or(() -> from.map(Checkpoint::history)).orElse(History.EMPTY);
      Map<String, HostTensor> drawn =
          Parameters.draw(
              run.recipe(),
              run.network(),
              run.recipe().images(Images.shape(images.train())).output());
      return Optional.of(result(run, images, Optional.of(e.getMessage()), history, drawn));
    } finally {
      training = Optional.empty();
    }
  }

  /** The complete epochs of a run that may fail. */
  private static final class Latest implements TrainingListener {
    private Optional<History> history = Optional.empty();

    @Override
    public void epochEnded(History now) {
      history = Optional.of(now);
    }
  }

  private RunResult result(
      PlannedRun run,
      TrainTest images,
      Optional<String> divergence,
      History history,
      Map<String, HostTensor> values) {
    return new RunResult(
        run.recipe(),
        run.network(),
        fingerprint(run),
        backend.description(),
        divergence,
        history,
        Resources.measure(backend, run.recipe(), run.network(), images, values));
  }
}
