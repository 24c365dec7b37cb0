package org.nin4j.study;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Settings of a training in the words of the command line.
 *
 * @param words options without their dashes and what they are given, in order; {@code true} and
 *     {@code false} for switches
 */
public record Settings(Map<String, String> words) {
  /** Nothing is set. */
  public static final Settings NONE = new Settings(Map.of());

  public Settings {
    words = Collections.unmodifiableMap(new LinkedHashMap<>(words));
  }

  /** These settings, but for those that the others have. */
  public Settings with(Settings others) {
    Map<String, String> all = new LinkedHashMap<>(words);
    all.putAll(others.words);
    return new Settings(all);
  }

  /** These settings and one more. */
  public Settings with(String word, String value) {
    return with(new Settings(Map.of(word, value)));
  }

  /** As arguments of {@code train}. */
  public List<String> arguments() {
    return words.entrySet().stream()
        .flatMap(
            entry ->
                switch (entry.getValue()) {
                  case "true" -> Stream.of("--" + entry.getKey());
                  case "false" -> Stream.of("--no-" + entry.getKey());
                  default -> Stream.of("--" + entry.getKey(), entry.getValue());
                })
        .toList();
  }

  /** For people: {@code inner 1x1, lr 0.05}; {@code nothing} where nothing is set. */
  @Override
  public String toString() {
    return words.isEmpty()
        ? "nothing"
        : words.entrySet().stream()
            .map(entry -> entry.getKey() + " " + entry.getValue())
            .collect(Collectors.joining(", "));
  }
}
