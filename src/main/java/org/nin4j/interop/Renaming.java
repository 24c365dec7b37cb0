package org.nin4j.interop;

import java.util.List;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.nin4j.text.Text;

/**
 * Another name for tensors whose names match.
 *
 * @param matching found anywhere in a name, as often as it is there
 * @param replacement of what was found; {@code $1} is the expression's first group
 */
public record Renaming(Pattern matching, String replacement) {

  /**
   * Reads {@code REGEX=NEW}; the last {@code =} divides them, as no name has one.
   *
   * @throws IllegalArgumentException if it is not of that form
   */
  public static Renaming parse(String text) {
    int divider = text.lastIndexOf('=');
    if (divider < 1) {
      throw new IllegalArgumentException(
          Text.of("a renaming is REGEX=NEW, such as '^net\\.=', not '%s'", text));
    }
    try {
      Renaming parsed =
          new Renaming(Pattern.compile(text.substring(0, divider)), text.substring(divider + 1));
      parsed.requireGroups();
      return parsed;
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          Text.of(
              "'%s' is no regular expression: %s", text.substring(0, divider), e.getDescription()),
          e);
    }
  }

  /** A replacement shows what it lacks only where there is a match: one of nothing is made here. */
  private void requireGroups() {
    try {
      Pattern.compile(matching.pattern() + "|").matcher("").replaceAll(replacement);
    } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
      throw new IllegalArgumentException(
          Text.of("'%s' cannot replace what '%s' finds: %s", replacement, matching, e.getMessage()),
          e);
    }
  }

  /** What a tensor is called after these, one after the other. */
  static String of(String name, List<Renaming> renamings) {
    String renamed = name;
    for (Renaming renaming : renamings) {
      renamed = renaming.matching().matcher(renamed).replaceAll(renaming.replacement());
    }
    return renamed;
  }

  @Override
  public String toString() {
    return matching + "=" + replacement;
  }
}
