package org.nin4j.cli.output;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressState;
import org.nin4j.data.folder.FolderListener;
import org.nin4j.text.Text;

/** Shows how pictures are decoded: as a bar on a terminal, elsewhere as a line at the start. */
public final class DecodingBar implements FolderListener, AutoCloseable {
  private final Console console;
  private Optional<ProgressBar> bar = Optional.empty();
  private boolean said;

  public DecodingBar(Console console) {
    this.console = console;
  }

  @Override
  public void remarked(String line) {
    console.out().println(line);
  }

  @Override
  public void started(String dataset, int pictures) {
    OptionalInt width = console.barWidth();
    if (width.isPresent()) {
      bar =
          Optional.of(
              new ProgressBarBuilder()
                  .setTaskName("decoding " + dataset)
                  .setInitialMax(pictures)
                  .setRenderer(DecodingBar::line)
                  .clearDisplayOnFinish()
                  .setConsumer(new ConsoleProgressBarConsumer(console.err(), width.getAsInt()))
                  .build());
    } else if (!said) {
      console
          .out()
          .println(Text.of("decoding %s pictures of %s", Quantities.count(pictures), dataset));
      said = true;
    }
  }

  private static String line(ProgressState state, int columns) {
    String done = Quantities.count(state.getCurrent()) + " of " + Quantities.count(state.getMax());
    double share = state.getNormalizedProgress();
    String left = ProgressLine.timeLeft(state.getElapsedAfterStart(), share);
    return ProgressLine.of(
        state.getTaskName(),
        share,
        List.of(left.isEmpty() ? done : done + ", " + left, done, ""),
        columns);
  }

  @Override
  public void decoded(int pictures) {
    bar.ifPresent(b -> b.stepTo(pictures));
  }

  @Override
  public void ended() {
    close();
  }

  @Override
  public void close() {
    bar.ifPresent(ProgressBar::close);
    bar = Optional.empty();
  }
}
