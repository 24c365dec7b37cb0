package org.nin4j.cli.output;

import java.net.URI;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressState;
import org.nin4j.data.published.DownloadListener;
import org.nin4j.text.Text;

/** Shows downloads: as a bar on a terminal, elsewhere as a line for each file. */
public final class DownloadBar implements DownloadListener, AutoCloseable {
  private static final double MEBIBYTE = 1 << 20;

  private final Console console;
  private Optional<ProgressBar> bar = Optional.empty();

  public DownloadBar(Console console) {
    this.console = console;
  }

  @Override
  public void started(String file, URI address, OptionalLong bytes) {
    OptionalInt width = console.barWidth();
    if (width.isEmpty()) {
      console.out().println("downloading " + address);
      return;
    }
    bar =
        Optional.of(
            new ProgressBarBuilder()
                .setTaskName(file)
                .setInitialMax(bytes.orElse(-1))
                .setRenderer(DownloadBar::line)
                .clearDisplayOnFinish()
                .setConsumer(new ConsoleProgressBarConsumer(console.err(), width.getAsInt()))
                .build());
  }

  private static String line(ProgressState state, int columns) {
    String received = Text.of("%.1f MiB", state.getCurrent() / MEBIBYTE);
    double share = state.isIndefinite() ? 0 : state.getNormalizedProgress();
    String left = ProgressLine.timeLeft(state.getElapsedAfterStart(), share);
    return ProgressLine.of(
        state.getTaskName(),
        share,
        List.of(left.isEmpty() ? received : received + ", " + left, received, ""),
        columns);
  }

  @Override
  public void received(String file, long bytes) {
    bar.ifPresent(b -> b.stepTo(bytes));
  }

  @Override
  public void ended(String file) {
    close();
  }

  @Override
  public void turnedToPackage(String dataset, String reason, String debianPackage) {
    console
        .out()
        .println(
            Text.of(
                "%s cannot be downloaded (%s): getting the package %s with apt-get, without installing it",
                dataset, reason, debianPackage));
  }

  @Override
  public void close() {
    bar.ifPresent(ProgressBar::close);
    bar = Optional.empty();
  }
}
