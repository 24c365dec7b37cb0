package org.nin4j.backend.onednn.step;

import java.util.Optional;
import org.nin4j.backend.Samples;

/** The stored images that a session makes its batches from. */
public final class SampleStore {
  private Optional<Samples> samples = Optional.empty();

  public void load(Samples loaded) {
    samples = Optional.of(loaded);
  }

  /** The samples; empty before any are loaded. */
  Optional<Samples> samples() {
    return samples;
  }
}
