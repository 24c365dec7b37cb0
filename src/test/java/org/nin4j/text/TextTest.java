package org.nin4j.text;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class TextTest {
  /** What takes the digits of the machine's language, unless it is told which to take. */
  private static final Pattern BY_LANGUAGE =
      Pattern.compile(
          "\\.formatted\\(|String\\.format\\(|\\.printf\\(\\s*\"|to(Lower|Upper)Case\\(\\)");

  @Test
  void doesNotDependOnTheLanguage() {
    Locale before = Locale.getDefault();
    try {
      for (String language : List.of("ar-EG", "de-DE", "fa-IR", "hi-IN-u-nu-deva", "tr-TR")) {
        Locale.setDefault(Locale.forLanguageTag(language));
        assertEquals("1,234,567 is 0.50", Text.of("%,d is %.2f", 1234567, 0.5), language);
      }
    } finally {
      Locale.setDefault(before);
    }
  }

  @Test
  void nothingElseMakesTextOfNumbers() throws IOException {
    List<String> found = new ArrayList<>();
    for (String folder : List.of("src/main/java", "spark/src/main/java")) {
      try (Stream<Path> files = Files.walk(Path.of(folder))) {
        for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
          BY_LANGUAGE
              .matcher(Files.readString(file))
              .results()
              .filter(match -> !file.endsWith("org/nin4j/text/Text.java"))
              .forEach(match -> found.add(file + ": " + match.group()));
        }
      }
    }
    assertEquals(List.of(), found, "Text.of, printf(Locale.ROOT, …), toLowerCase(Locale.ROOT)");
  }
}
