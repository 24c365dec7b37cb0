package org.nin4j.cli.output;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicReference;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressState;
import org.nin4j.study.RunResult;
import org.nin4j.study.StudyListener;
import org.nin4j.text.Text;
import org.nin4j.train.Progress;
import org.nin4j.train.checkpoint.Position;

/**
 * Tells on the console how a study goes: a line for each run that has ended, with the time left for
 * all of them, short enough for 80 columns; and on a terminal a bar.
 */
public final class StudyProgress implements StudyListener, AutoCloseable {
  private static final int BAR_INTERVAL_MILLISECONDS = 250;
  private static final int BAR_STEPS = 10_000;

  private final Console console;
  private final long begin = System.nanoTime();
  private final AtomicReference<Drawn> drawn = new AtomicReference<>();
  private Optional<ProgressBar> bar = Optional.empty();

  /** What the bar shows, which is drawn by another thread. */
  private record Drawn(Place place, Progress progress, double share) {}

  public StudyProgress(Console console) {
    this.console = console;
  }

  @Override
  public void remarked(String remark) {
    close();
    console.out().println(remark);
  }

  @Override
  public void began(Place place, Optional<Position> from) {
    from.ifPresent(position -> remarked(Text.of("%s: going on %s", name(place), position)));
  }

  private static String name(Place place) {
    return Text.of("run %d/%d %s", place.number(), place.of(), place.run().name());
  }

  @Override
  public void progressed(Place place, Progress progress, double share) {
    OptionalInt width = console.barWidth();
    if (width.isEmpty()) {
      return;
    }
    drawn.set(new Drawn(place, progress, share));
    if (bar.isEmpty()) {
      bar =
          Optional.of(
              new ProgressBarBuilder()
                  .setInitialMax(BAR_STEPS)
                  .setRenderer(this::barLine)
                  .setUpdateIntervalMillis(BAR_INTERVAL_MILLISECONDS)
                  .clearDisplayOnFinish()
                  .setConsumer(new ConsoleProgressBarConsumer(console.err(), width.getAsInt()))
                  .build());
    }
    bar.get().stepTo((long) (BAR_STEPS * share));
  }

  /** Called by the bar, on a thread of its own. */
  private String barLine(ProgressState state, int columns) {
    Drawn now = drawn.get();
    Place place = now.place();
    return ProgressLine.of(
        Text.of("run %d/%d", place.number(), place.of()),
        now.share(),
        messages(place.run().name(), now.progress(), left(now.share())),
        columns);
  }

  /** The same told longer and shorter. */
  private static List<String> messages(String run, Progress progress, String left) {
    String epoch =
        Text.of(
            "%s, %s %d/%d",
            run,
            progress.phase() == Progress.Phase.TRAINING ? "epoch" : "testing",
            progress.epoch(),
            progress.epochs());
    String loss = Text.of("%s, loss %.4f", epoch, progress.sums().loss());
    return List.of(
        Text.of(
            "%s, accuracy %.4f, %s%s",
            loss, progress.sums().accuracy(), Quantities.speed(progress.imagesPerSecond()), left),
        Text.of("%s, acc. %.4f%s", loss, progress.sums().accuracy(), left),
        loss + left,
        epoch + left,
        run + left,
        left.isEmpty() ? run : left.substring(2),
        "");
  }

  private String left(double share) {
    String left = ProgressLine.timeLeft(Duration.ofNanos(System.nanoTime() - begin), share);
    return left.isEmpty() || share >= 1 ? "" : ", " + left;
  }

  @Override
  public void ended(Place place, RunResult result, double share) {
    remarked(
        name(place)
            + ": "
            + (result.diverged()
                ? "diverged"
                : result.last().map(r -> Text.of("test %.4f", r.testAccuracy())).orElse("no epoch"))
            + ", "
            + Quantities.duration(result.seconds())
            + left(share));
  }

  /** Takes the bar away, so that lines can be printed. */
  @Override
  public void close() {
    bar.ifPresent(ProgressBar::close);
    bar = Optional.empty();
  }
}
