package org.nin4j.train.recipe;

import java.util.Optional;
import org.nin4j.text.Text;

/** Dropout before the last NiN block as text: a share, or {@code published} for the network's. */
public final class DropoutShare {
  /** Stands for what the network was published with. */
  static final String PUBLISHED = "published";

  private DropoutShare() {}

  /**
   * Reads it.
   *
   * @return empty for what was published
   * @throws IllegalArgumentException if it is neither that word nor a number
   */
  public static Optional<Float> parse(String text) {
    if (text.equals(PUBLISHED)) {
      return Optional.empty();
    }
    try {
      return Optional.of(Float.valueOf(text));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          Text.of("dropout is '%s' or a share from 0 on and below 1, not '%s'", PUBLISHED, text),
          e);
    }
  }
}
