package org.nin4j.study;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.nin4j.text.Text;

/**
 * A question and the trainings that answer it: variants of one recipe, several seeds of each.
 *
 * @param name in file names and on the command line
 * @param question in a sentence or two
 * @param base what all variants have in common
 * @param quick what a quick run changes in it; a variant's own changes stay
 * @param variants at least one, each with another name
 * @param seeds at least one, each once
 */
public record Study(
    String name,
    String question,
    Settings base,
    Settings quick,
    List<Variant> variants,
    List<Long> seeds) {
  /** Names become parts of file names. */
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._+-]{0,59}");

  private static final int MOST_SEEDS = 1000;

  /**
   * One variant.
   *
   * @param name unique in its study
   * @param changes to the study's base
   * @param published figures to stand beside what comes out
   */
  public record Variant(String name, Settings changes, List<Published> published) {
    public Variant {
      requireName("a variant", name);
      published = List.copyOf(published);
    }
  }

  /**
   * What somebody else got.
   *
   * @param source who, and with what
   * @param testAccuracy in [0, 1]
   */
  public record Published(String source, double testAccuracy) {
    public Published {
      if (!(testAccuracy >= 0 && testAccuracy <= 1)) {
        throw new StudyException("an accuracy is in [0, 1], not " + testAccuracy);
      }
    }
  }

  public Study {
    requireName("a study", name);
    variants = List.copyOf(variants);
    seeds = List.copyOf(seeds);
    if (variants.isEmpty() || seeds.isEmpty()) {
      throw new StudyException("a study has at least one variant and one seed");
    }
    if (seeds.size() > MOST_SEEDS) {
      throw new StudyException("a study has at most " + MOST_SEEDS + " seeds");
    }
    Set<String> folders = new HashSet<>();
    for (Variant variant : variants) {
      for (long seed : seeds) {
        if (!folders.add(folder(variant.name(), seed))) {
          throw new StudyException(
              Text.of("variant '%s' and seed %d are there twice", variant.name(), seed));
        }
      }
    }
  }

  private static void requireName(String what, String name) {
    if (!NAME.matcher(name).matches()) {
      throw new StudyException(
          what
              + "'s name has 1 to 60 letters, digits, '.', '_', '+' and '-', the first a letter or digit, not '"
              + name
              + "'");
    }
  }

  /** The name of a run's folder. */
  static String folder(String variant, long seed) {
    return variant + "-seed" + seed;
  }

  /** How many trainings it has. */
  public int runs() {
    return variants.size() * seeds.size();
  }

  /**
   * The same with the given number of seeds: its own first, then those that follow the largest.
   *
   * @throws StudyException if it is not from 1 to 1000
   */
  public Study withSeeds(int count) {
    if (count < 1 || count > MOST_SEEDS) {
      throw new StudyException(Text.of("a study has 1 to %d seeds, not %d", MOST_SEEDS, count));
    }
    List<Long> chosen = new ArrayList<>(seeds.subList(0, Math.min(count, seeds.size())));
    long next = seeds.stream().mapToLong(Long::longValue).max().orElseThrow();
    while (chosen.size() < count) {
      next++;
      chosen.add(next);
    }
    return new Study(name, question, base, quick, variants, chosen);
  }

  /** Everything that is set for a variant. */
  Settings settings(Variant variant, boolean quickly) {
    return (quickly ? base.with(quick) : base).with(variant.changes());
  }

  /** What somebody else got for a variant, in words; empty where nothing is known. */
  static Optional<String> published(Variant variant) {
    return variant.published().stream()
        .map(p -> Text.of("%s (%s)", Numbers.plain(p.testAccuracy()), p.source()))
        .reduce((a, b) -> a + ", " + b);
  }
}
