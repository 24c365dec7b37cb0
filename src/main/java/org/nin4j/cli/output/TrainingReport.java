package org.nin4j.cli.output;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicReference;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressState;
import org.nin4j.text.Text;
import org.nin4j.train.Progress;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.checkpoint.Position;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.history.History;

/**
 * Tells on the console how training goes: a bar while an epoch runs, or a few lines where there is
 * no terminal; and a line for each epoch done, with the seconds since the program was started.
 */
public final class TrainingReport implements TrainingListener, AutoCloseable {
  private static final int LINES_PER_EPOCH = 4;
  private static final int BAR_INTERVAL_MILLISECONDS = 250;

  private final Console console;
  private final int epochs;
  private final AtomicReference<Progress> drawn = new AtomicReference<>();
  private Optional<ProgressBar> bar = Optional.empty();
  private Progress.Phase barPhase = Progress.Phase.TRAINING;
  private int linesOfEpoch;

  public TrainingReport(Console console, int epochs) {
    this.console = console;
    this.epochs = epochs;
  }

  @Override
  public void remarked(String remark) {
    console.out().println(remark);
  }

  @Override
  public void progressed(Progress progress) {
    OptionalInt width = console.barWidth();
    if (width.isPresent()) {
      draw(progress, width.getAsInt());
    } else if (progress.phase() == Progress.Phase.TRAINING) {
      int due = LINES_PER_EPOCH * progress.step() / progress.steps();
      if (due > linesOfEpoch && due < LINES_PER_EPOCH) {
        linesOfEpoch = due;
        console
            .out()
            .println(
                Text.of(
                    "epoch %d/%d, %d %%: %s",
                    progress.epoch(),
                    progress.epochs(),
                    100L * progress.step() / progress.steps(),
                    sums(progress)));
      }
    }
  }

  private void draw(Progress progress, int width) {
    if (bar.isPresent() && barPhase != progress.phase()) {
      clear();
    }
    drawn.set(progress);
    if (bar.isEmpty()) {
      barPhase = progress.phase();
      bar =
          Optional.of(
              new ProgressBarBuilder()
                  .setTaskName(
                      Text.of(
                          "%s %d/%d",
                          barPhase == Progress.Phase.TRAINING ? "epoch" : "testing",
                          progress.epoch(),
                          progress.epochs()))
                  .setInitialMax(progress.steps())
                  .setRenderer(this::barLine)
                  .setUpdateIntervalMillis(BAR_INTERVAL_MILLISECONDS)
                  .clearDisplayOnFinish()
                  .setConsumer(new ConsoleProgressBarConsumer(console.err(), width))
                  .build());
    }
    bar.get().stepTo(progress.step());
  }

  /** Called by the bar, on a thread of its own. */
  private String barLine(ProgressState state, int columns) {
    double share = state.getNormalizedProgress();
    String left = ProgressLine.timeLeft(state.getElapsedAfterStart(), share);
    return ProgressLine.of(
        state.getTaskName(),
        share,
        messages(drawn.get(), left.isEmpty() ? "" : ", " + left),
        columns);
  }

  /** The same told longer and shorter. */
  private static List<String> messages(Progress progress, String left) {
    String loss = Text.of("loss %.4f", progress.sums().loss());
    String shortly = Text.of("%s, acc. %.4f", loss, progress.sums().accuracy());
    String speed = Quantities.speed(progress.imagesPerSecond());
    return List.of(
        sums(progress) + left,
        shortly + ", " + speed + left,
        shortly + ", " + speed,
        shortly + left,
        shortly,
        loss,
        "");
  }

  private static String sums(Progress progress) {
    return Text.of(
        "loss %.4f, accuracy %.4f, %s",
        progress.sums().loss(),
        progress.sums().accuracy(),
        Quantities.speed(progress.imagesPerSecond()));
  }

  @Override
  public void paused(Position at) {
    clear();
    console.out().println("paused " + at);
  }

  @Override
  public void wentOn() {
    console.out().println("going on");
  }

  @Override
  public void epochEnded(History history) {
    clear();
    linesOfEpoch = 0;
    history.last().ifPresent(result -> console.out().println(line(result)));
  }

  private String line(EpochResult r) {
    return Text.of(
        "epoch %d/%d: train loss %.4f, accuracy %.4f; test loss %.4f, accuracy %.4f, top-5 %.4f;"
            + " %s, %s; dead: %s, %s; %.1f s since the start",
        r.epoch(),
        epochs,
        r.trainLoss(),
        r.trainAccuracy(),
        r.testLoss(),
        r.testAccuracy(),
        r.testTop5(),
        Quantities.speed(r.imagesPerSecond()),
        Quantities.duration(r.seconds()),
        plural(r.deadUnits(), "unit", "units"),
        plural(r.deadClasses(), "class", "classes"),
        secondsSinceStart());
  }

  /**
   * The management interface would say it too, but does not load in a folder that Java cannot name.
   */
  private static double secondsSinceStart() {
    Instant now = Instant.now();
    Instant start = ProcessHandle.current().info().startInstant().orElse(now);
    // A clock that went back tells no time.
    return Math.max(0, Duration.between(start, now).toMillis() / 1e3);
  }

  private static String plural(int count, String one, String many) {
    return count + " " + (count == 1 ? one : many);
  }

  /** Takes the bar away, so that lines can be printed. */
  public void clear() {
    bar.ifPresent(ProgressBar::close);
    bar = Optional.empty();
  }

  @Override
  public void close() {
    clear();
  }
}
