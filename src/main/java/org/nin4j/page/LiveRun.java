package org.nin4j.page;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Consumer;
import org.nin4j.backend.DeviceRates;
import org.nin4j.backend.Metrics;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.page.RunState.Asked;
import org.nin4j.page.RunState.Phase;
import org.nin4j.plan.Plan;
import org.nin4j.train.Evaluation;
import org.nin4j.train.Progress;
import org.nin4j.train.Trainer;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.TrainingStart;
import org.nin4j.train.checkpoint.Position;
import org.nin4j.train.history.History;

/**
 * A training for the page: listens to it, publishes what never changes, and passes on what readers
 * ask of it. What fails here is said once, and training goes on without it.
 */
public final class LiveRun implements TrainingListener {
  /** Seconds of training after which it can be said how long it will take. */
  private static final double FORESIGHT = 3;

  private final Consumer<String> remarks;
  private final Published<Optional<About>> about;
  private final Published<Optional<PlanPicture>> plan;
  private final Published<Optional<Answers>> answers;
  private final Published<RunState> state;

  private volatile Optional<Setting> setting = Optional.empty();
  private volatile Optional<Trainer> trainer = Optional.empty();

  // What follows is the training thread's own.
  private final Curve curve = new Curve();
  private Optional<TrainingStart> start = Optional.empty();
  private boolean broken;
  private int epoch;
  private Metrics sums = Metrics.NONE;
  private double seconds;
  private long begin;
  private long pausedAt;

  /**
   * What a training runs in.
   *
   * @param data as it is stored, whatever the network is given
   * @param folder the run's
   * @param device for people
   * @param rates of the device, where they are known
   */
  public record Setting(TrainTest data, Path folder, String device, Optional<DeviceRates> rates) {}

  /**
   * A training that is being prepared.
   *
   * @param remarks receives a line when the page can show no more
   */
  public LiveRun(Consumer<String> remarks) {
    this.remarks = remarks;
    about = new Published<>(Optional.empty(), PageJson::about);
    plan = new Published<>(Optional.empty(), PageJson::plan);
    answers = new Published<>(Optional.empty(), PageJson::answers);
    state = new Published<>(RunState.FIRST, s -> PageJson.state(s, stamps()));
  }

  /** Says what will be trained in what; comes before {@link #started}. */
  public void settle(Setting known) {
    setting = Optional.of(known);
  }

  /** Lets readers pause and stop a training; comes before it begins. */
  public void control(Trainer training) {
    trainer = Optional.of(training);
  }

  private PageJson.Stamps stamps() {
    return new PageJson.Stamps(about.version(), plan.version(), answers.version());
  }

  @Override
  public boolean wantsStepTimes() {
    return true;
  }

  @Override
  public boolean wantsAnswers() {
    return true;
  }

  @Override
  public void started(TrainingStart started) {
    guarded(
        () -> {
          start = Optional.of(started);
          epoch = started.position().epoch() + 1;
          sums = started.position().sums();
          seconds = started.position().seconds();
          begin = System.nanoTime();
          Setting known = setting.orElseThrow();
          OptionalDouble peak =
              known.rates().stream().mapToDouble(DeviceRates::flopsPerSecond).findFirst();
          about.update(
              a ->
                  Optional.of(
                      About.of(started, known.folder(), known.data(), known.device(), peak)));
          plan.update(p -> Optional.of(PlanPicture.predicted(started.plan(), known.rates())));
          state.update(s -> s.in(Phase.TRAINING).with(started.history()));
        });
  }

  @Override
  public void progressed(Progress progress) {
    guarded(
        () -> {
          boolean training = progress.phase() == Progress.Phase.TRAINING;
          if (training) {
            extend(progress);
          }
          Phase phase = training ? Phase.TRAINING : Phase.EVALUATION;
          List<CurvePoint> points = curve.points();
          double elapsed = (System.nanoTime() - begin) / 1e9;
          double left = left(progress, elapsed);
          state.update(s -> s.at(phase, progress, points, elapsed, left));
        });
  }

  /** Adds the steps since the last time to the curve. */
  private void extend(Progress progress) {
    if (progress.epoch() != epoch) {
      epoch = progress.epoch();
      sums = Metrics.NONE;
      seconds = 0;
    }
    Metrics since = progress.sums().since(sums);
    if (since.samples() == 0) {
      return;
    }
    double now = progress.sums().samples() / progress.imagesPerSecond();
    long step = stepsBefore(progress.epoch()) + progress.step();
    curve.add(
        new CurvePoint(
            step, since.samples(), since.lossSum(), since.top1(), now - seconds, rateOf(step)));
    sums = progress.sums();
    seconds = now;
  }

  private double left(Progress progress, double elapsed) {
    Position from = start.orElseThrow().position();
    long first = stepsBefore(from.epoch() + 1) + from.step();
    boolean training = progress.phase() == Progress.Phase.TRAINING;
    long reached = stepsBefore(progress.epoch() + (training ? 0 : 1));
    double done = reached + (training ? progress.step() : 0) - first;
    double toCome = stepsBefore(progress.epochs() + 1) - first - done;
    return elapsed < FORESIGHT || done <= 0 ? 0 : elapsed * toCome / done;
  }

  /** Steps of the run before an epoch, which counts from 1. */
  private long stepsBefore(int of) {
    return (long) (of - 1) * start.orElseThrow().stepsPerEpoch();
  }

  private float rateOf(long step) {
    TrainingStart started = start.orElseThrow();
    long all = (long) started.recipe().epochs() * started.stepsPerEpoch();
    return started.recipe().schedule().rate(step - 1, all);
  }

  @Override
  public void paused(Position at) {
    guarded(
        () -> {
          pausedAt = System.nanoTime();
          state.update(s -> s.in(Phase.PAUSED));
        });
  }

  @Override
  public void wentOn() {
    guarded(
        () -> {
          begin += System.nanoTime() - pausedAt;
          state.update(s -> s.in(Phase.TRAINING));
        });
  }

  @Override
  public void timed(Plan run, List<long[]> nanoseconds) {
    guarded(
        () -> {
          PlanPicture measured = PlanPicture.measured(run, nanoseconds);
          plan.update(p -> Optional.of(measured));
          state.update(s -> s);
        });
  }

  @Override
  public void examined(int ofEpoch, Evaluation evaluation) {
    guarded(
        () -> {
          Answers all = Answers.of(ofEpoch, evaluation, setting.orElseThrow().data().test());
          answers.update(a -> Optional.of(all));
          state.update(s -> s);
        });
  }

  @Override
  public void epochEnded(History history) {
    guarded(() -> state.update(s -> s.with(history)));
  }

  /**
   * The training came to its end, or was stopped.
   *
   * @param message for people: the result, or how to go on
   */
  public void ended(boolean complete, String message) {
    state.update(s -> s.over(complete ? Phase.ENDED : Phase.STOPPED, message));
  }

  /** The training failed. */
  public void failed(String message) {
    state.update(s -> s.over(Phase.FAILED, message));
  }

  private void guarded(Runnable publishing) {
    if (broken) {
      return;
    }
    try {
      publishing.run();
    } catch (RuntimeException | LinkageError e) {
      broken = true;
      remarks.accept("the page shows no more of this training, which goes on: " + e);
    }
  }

  /**
   * Passes on what a reader asks.
   *
   * @return whether there is a training to ask
   */
  synchronized boolean ask(Asked wanted) {
    if (trainer.isEmpty() || state.value().phase() == Phase.PREPARING || over()) {
      return false;
    }
    if (state.value().asked() == Asked.STOP) {
      return true; // It ends anyway.
    }
    // Said before it is done: what comes of it may be published at once.
    state.update(s -> s.phase().over() ? s : s.asking(wanted));
    switch (wanted) {
      case NOTHING -> trainer.get().goOn();
      case PAUSE -> trainer.get().pause();
      case STOP -> trainer.get().stop();
    }
    return true;
  }

  boolean over() {
    return state.value().phase().over();
  }

  /** The state, if it is another than the one of that version. */
  Optional<byte[]> stateAfter(long version) {
    return state.version() == version ? Optional.empty() : Optional.of(state.json());
  }

  byte[] about() {
    return about.json();
  }

  byte[] plan() {
    return plan.json();
  }

  byte[] answers() {
    return answers.json();
  }

  /** The test images, as they are stored. */
  Optional<ImageDataset> images() {
    return setting.map(s -> s.data().test());
  }
}
