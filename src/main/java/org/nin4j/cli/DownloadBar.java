package org.nin4j.cli;

import java.net.URI;
import java.util.Optional;
import java.util.OptionalLong;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.nin4j.data.DownloadListener;

/** Shows downloads: as a bar on a terminal, elsewhere as a line for each file. */
final class DownloadBar implements DownloadListener, AutoCloseable {
  private static final long MEBIBYTE = 1 << 20;

  private final Console console;
  private Optional<ProgressBar> bar = Optional.empty();

  DownloadBar(Console console) {
    this.console = console;
  }

  @Override
  public void started(String file, URI address, OptionalLong bytes) {
    if (!console.terminal()) {
      console.out().println("downloading " + address);
      return;
    }
    bar =
        Optional.of(
            new ProgressBarBuilder()
                .setTaskName(file)
                .setInitialMax(bytes.orElse(-1))
                .setUnit(" MiB", MEBIBYTE)
                .showSpeed()
                .clearDisplayOnFinish()
                .setConsumer(new ConsoleProgressBarConsumer(console.err(), console.barWidth()))
                .build());
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
  public void close() {
    bar.ifPresent(ProgressBar::close);
    bar = Optional.empty();
  }
}
