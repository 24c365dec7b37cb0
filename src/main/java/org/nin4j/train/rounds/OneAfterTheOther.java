package org.nin4j.train.rounds;

import java.util.List;
import java.util.stream.IntStream;
import org.nin4j.backend.Samples;

/** One device that computes all tasks in turn: what many machines compute, on one. */
public final class OneAfterTheOther implements Workers {
  private final RoundTask device;
  private final int tasks;

  /**
   * @param device closed with this
   */
  public OneAfterTheOther(RoundTask device, int tasks) {
    this.device = device;
    this.tasks = tasks;
  }

  @Override
  public void load(Samples samples) {
    device.load(samples);
  }

  @Override
  public List<Round.Part> compute(Round round) {
    return IntStream.range(0, tasks).mapToObj(task -> device.compute(round, task)).toList();
  }

  @Override
  public void close() {
    device.close();
  }
}
