package org.nin4j.cli.option;

import java.util.Optional;
import org.nin4j.data.Split;
import picocli.CommandLine.Option;

/** How a folder of pictures is divided. */
public final class SplitOptions {
  private static final long FIRST_SEED = 1;

  @Option(
      names = "--split",
      paramLabel = "X",
      description =
          "For a folder of pictures DIR/CLASS, which is not divided into DIR/train/CLASS and"
              + " DIR/test/CLASS: the share of each class to test with. Default: it is divided.")
  private Optional<Double> share = Optional.empty();

  @Option(
      names = "--split-seed",
      paramLabel = "N",
      description = "Seed of which pictures are to test with. Default: 1.")
  private Optional<Long> seed = Optional.empty();

  /**
   * The split that the command line says, or another one with what it changes.
   *
   * @throws IllegalArgumentException if it makes no sense
   */
  public Optional<Split> apply(Optional<Split> base) {
    if (share.isEmpty() && base.isEmpty() && seed.isPresent()) {
      throw new IllegalArgumentException("--split-seed is for a --split");
    }
    return share
        .or(() -> base.map(Split::share))
        .map(x -> new Split(x, seed.orElse(base.map(Split::seed).orElse(FIRST_SEED))));
  }
}
