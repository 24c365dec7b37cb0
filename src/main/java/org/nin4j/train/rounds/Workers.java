package org.nin4j.train.rounds;

import java.util.List;
import org.nin4j.backend.Samples;

/** Where the tasks of a round are computed. */
public interface Workers extends AutoCloseable {
  /** Puts samples where every task finds them, in the place of earlier ones. */
  void load(Samples samples);

  /**
   * Computes all tasks of a round, each by {@link RoundTask#compute}.
   *
   * @return what they return, by their numbers
   * @throws org.nin4j.backend.BackendException if a task cannot be computed
   */
  List<Round.Part> compute(Round round);

  @Override
  void close();
}
