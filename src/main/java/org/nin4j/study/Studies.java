package org.nin4j.study;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.nin4j.text.Text;

/** The studies that come with the library: the book's exercises. */
public final class Studies {
  /** All names. */
  public static final List<String> NAMES =
      List.of(
          "hyperparameters",
          "one-by-ones",
          "three-by-threes",
          "head",
          "resources",
          "reduction",
          "family",
          "networks");

  private Studies() {}

  /** All of them. */
  public static List<Study> all() {
    return NAMES.stream().map(Studies::named).toList();
  }

  /**
   * A study by its name.
   *
   * @throws StudyException if there is no such study
   */
  public static Study named(String name) {
    if (!NAMES.contains(name)) {
      throw new StudyException(
          Text.of(
              "there is no study '%s'; there are %s, and files NAME.json",
              name, String.join(", ", NAMES)));
    }
    try (InputStream file = Studies.class.getResourceAsStream(name + ".json")) {
      return StudyJson.parse(new String(file.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
