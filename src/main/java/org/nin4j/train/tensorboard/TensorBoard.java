package org.nin4j.train.tensorboard;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.nin4j.backend.Metrics;
import org.nin4j.data.file.PartialFile;
import org.nin4j.tensor.HostTensor;
import org.nin4j.text.Text;
import org.nin4j.train.Progress;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.TrainingStart;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.history.History;

/**
 * Writes how a run goes to a file that TensorBoard shows while it grows: every second or so loss,
 * accuracy, images/s and rate of the steps since the last time, under {@code step/}; after every
 * epoch what its line in the history has, over the step it ends with; on demand the parameters'
 * histograms. A run that goes on adds a file, which voids what an earlier one says of later steps.
 *
 * <p>Training does not depend on it: where the file cannot be written there is a remark, and no
 * more of it.
 */
public final class TensorBoard implements TrainingListener, AutoCloseable {
  /** Between two points of the curves by steps; in seconds of training. */
  private static final double INTERVAL = 1;

  private final Path folder;
  private final boolean histograms;
  private final Consumer<String> remarks;
  private Optional<EventFile> file = Optional.empty();
  private Optional<TrainingStart> start = Optional.empty();
  private int epoch;
  private Metrics sums = Metrics.NONE;
  private double seconds;

  /**
   * Writes nothing yet.
   *
   * @param folder of the run
   * @param histograms whether to write the parameters' histograms at each checkpoint
   * @param remarks receives a line when the file cannot be written
   */
  public TensorBoard(Path folder, boolean histograms, Consumer<String> remarks) {
    this.folder = folder;
    this.histograms = histograms;
    this.remarks = remarks;
  }

  @Override
  public void started(TrainingStart started) {
    start = Optional.of(started);
    epoch = started.position().epoch() + 1;
    sums = started.position().sums();
    seconds = started.position().seconds();
    try {
      file = Optional.of(EventFile.create(folder, Instant.now()));
    } catch (IOException e) {
      failed(PartialFile.reason(e));
    }
    int done = started.position().step();
    if (epoch > 1 || done > 0) {
      write(events -> events.restart(Instant.now(), stepsBefore(epoch) + done + 1));
    }
  }

  @Override
  public void progressed(Progress progress) {
    if (progress.phase() != Progress.Phase.TRAINING) {
      return;
    }
    if (progress.epoch() != epoch) {
      epoch = progress.epoch();
      sums = Metrics.NONE;
      seconds = 0;
    }
    double now = progress.sums().samples() / progress.imagesPerSecond();
    Metrics since = progress.sums().since(sums);
    boolean ends = progress.step() == progress.steps();
    if (since.samples() == 0 || (now - seconds < INTERVAL && !ends)) {
      return;
    }
    long step = stepsBefore(epoch) + progress.step();
    Summary summary =
        new Summary()
            .scalar("step/loss", since.loss())
            .scalar("step/accuracy", since.accuracy())
            .scalar("step/images_per_second", since.samples() / (now - seconds))
            .scalar("step/learning_rate", rateOf(step));
    write(events -> events.summary(Instant.now(), step, summary));
    write(EventFile::flush);
    sums = progress.sums();
    seconds = now;
  }

  @Override
  public void epochEnded(History history) {
    EpochResult result = history.last().orElseThrow();
    Summary summary =
        new Summary()
            .scalar("loss/train", result.trainLoss())
            .scalar("loss/test", result.testLoss())
            .scalar("accuracy/train", result.trainAccuracy())
            .scalar("accuracy/test", result.testAccuracy())
            .scalar("accuracy/test_top5", result.testTop5())
            .scalar("epoch/images_per_second", result.imagesPerSecond())
            .scalar("epoch/learning_rate", result.learningRate())
            .scalar("epoch/dead_units", result.deadUnits())
            .scalar("epoch/dead_classes", result.deadClasses());
    long step = stepsBefore(result.epoch() + 1);
    write(events -> events.summary(Instant.now(), step, summary));
  }

  @Override
  public void checkpointed(Checkpoint checkpoint, boolean best) {
    if (histograms) {
      Summary summary = new Summary();
      for (Map.Entry<String, HostTensor> parameter : checkpoint.parameters().entrySet()) {
        summary.histogram(parameter.getKey(), new Histogram(parameter.getValue().values()));
      }
      long step = stepsBefore(checkpoint.position().epoch() + 1) + checkpoint.position().step();
      write(events -> events.summary(Instant.now(), step, summary));
    }
    write(EventFile::flush);
  }

  /**
   * Shows a picture of how the network is after the epochs so far.
   *
   * @param png the picture's file
   */
  public void picture(String tag, int width, int height, byte[] png) {
    Summary summary = new Summary().image(tag, width, height, png);
    write(events -> events.summary(Instant.now(), stepsBefore(epoch + 1), summary));
    write(EventFile::flush);
  }

  private TrainingStart start() {
    return start.orElseThrow(() -> new IllegalStateException("the training has not started"));
  }

  /** Steps of the run before an epoch, which counts from 1. */
  private long stepsBefore(int of) {
    return (long) (of - 1) * start().stepsPerEpoch();
  }

  private float rateOf(long step) {
    long all = (long) start().recipe().epochs() * start().stepsPerEpoch();
    return start().recipe().schedule().rate(step - 1, all);
  }

  private interface Writing {
    void to(EventFile file) throws IOException;
  }

  private void write(Writing events) {
    if (file.isPresent()) {
      try {
        events.to(file.get());
      } catch (IOException e) {
        EventFile broken = file.get();
        failed(PartialFile.reason(e));
        try (broken) {
          file = Optional.empty();
        } catch (IOException again) {
          e.addSuppressed(again);
        }
      }
    }
  }

  private void failed(String reason) {
    remarks.accept(
        Text.of("there will be no more events for TensorBoard in %s: %s", folder, reason));
  }

  @Override
  public void close() {
    write(EventFile::close);
    file = Optional.empty();
  }
}
