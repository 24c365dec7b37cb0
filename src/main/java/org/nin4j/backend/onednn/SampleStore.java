package org.nin4j.backend.onednn;

import java.util.Optional;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.Samples;
import org.nin4j.plan.BatchSpec;

/** The stored images that a session makes its batches from. */
final class SampleStore {
  private Optional<Samples> samples = Optional.empty();

  void load(Samples loaded) {
    samples = Optional.of(loaded);
  }

  /** The samples, which are of the kind that the batch is made of. */
  Optional<Samples> matching(BatchSpec spec) {
    Samples loaded =
        samples.orElseThrow(() -> new BackendException("no samples are loaded for the batch"));
    if (!loaded.image().equals(spec.source())) {
      throw new BackendException(
          "the plan makes batches from images of %s, but those loaded are %s"
              .formatted(spec.source(), loaded.image()));
    }
    return samples;
  }
}
