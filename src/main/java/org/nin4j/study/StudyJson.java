package org.nin4j.study;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.nin4j.json.JsonTextException;
import org.nin4j.json.StrictJson;
import org.nin4j.text.Text;

/**
 * Reads studies:
 *
 * <pre>{@code
 * {
 *   "name": "one-by-ones",
 *   "question": "What does the number of 1×1 convolutions change?",
 *   "base": {"recipe": "default", "size": 224},
 *   "variants": {"one": {"inner": "1x1"}, "two": {}},
 *   "seeds": [1, 2, 3],
 *   "quick": {"size": 67, "limit": 10000},
 *   "published": [{"variant": "two", "test_accuracy": 0.877, "source": "the book, MXNet"}]
 * }
 * }</pre>
 *
 * Settings are options of {@code train} without their dashes. {@code base}, {@code quick} and
 * {@code published} may be left out; {@code seeds} too: 1, 2, 3.
 */
public final class StudyJson {
  private static final List<String> KEYS =
      List.of("name", "question", "base", "variants", "seeds", "quick", "published");
  private static final List<String> PUBLISHED_KEYS = List.of("variant", "test_accuracy", "source");
  private static final List<Long> SEEDS = List.of(1L, 2L, 3L);

  private StudyJson() {}

  /**
   * Reads a study.
   *
   * @throws StudyException if the text is no JSON, or describes none; the message says where
   */
  public static Study parse(String text) {
    JsonObject json = object("the study", tree(text));
    requireKeys("the study", json, KEYS);
    Map<String, List<Study.Published>> published = published(json);
    List<Study.Variant> variants = new ArrayList<>();
    object("variants", get("the study", json, "variants"))
        .entrySet()
        .forEach(
            entry ->
                variants.add(
                    new Study.Variant(
                        entry.getKey(),
                        settings("variant '" + entry.getKey() + "'", entry.getValue()),
                        published.getOrDefault(entry.getKey(), List.of()))));
    for (String name : published.keySet()) {
      if (variants.stream().noneMatch(v -> v.name().equals(name))) {
        throw new StudyException(
            Text.of(
                "published names a variant '%s'; there are %s",
                name,
                variants.stream().map(Study.Variant::name).collect(Collectors.joining(", "))));
      }
    }
    return new Study(
        text("the study", json, "name"),
        text("the study", json, "question"),
        json.has("base") ? settings("base", json.get("base")) : Settings.NONE,
        json.has("quick") ? settings("quick", json.get("quick")) : Settings.NONE,
        variants,
        json.has("seeds") ? seeds(json.get("seeds")) : SEEDS);
  }

  private static JsonElement tree(String text) {
    try {
      return StrictJson.parse(text);
    } catch (JsonTextException e) {
      throw new StudyException("the study " + e.getMessage());
    }
  }

  private static void requireKeys(String where, JsonObject json, List<String> known) {
    for (String key : json.keySet()) {
      if (!known.contains(key)) {
        throw new StudyException(
            Text.of(
                "%s has an unknown key '%s'; there are %s", where, key, String.join(", ", known)));
      }
    }
  }

  private static Map<String, List<Study.Published>> published(JsonObject json) {
    Map<String, List<Study.Published>> published = new LinkedHashMap<>();
    if (!json.has("published")) {
      return published;
    }
    for (JsonElement one : array("published", json.get("published"))) {
      JsonObject figure = object("published", one);
      requireKeys("published", figure, PUBLISHED_KEYS);
      published
          .computeIfAbsent(text("published", figure, "variant"), name -> new ArrayList<>())
          .add(
              new Study.Published(
                  text("published", figure, "source"),
                  number("published", figure, "test_accuracy")));
    }
    return published;
  }

  private static Settings settings(String where, JsonElement json) {
    Map<String, String> words = new LinkedHashMap<>();
    object(where, json)
        .entrySet()
        .forEach(
            entry ->
                words.put(entry.getKey(), value(where + ", " + entry.getKey(), entry.getValue())));
    return new Settings(words);
  }

  private static String value(String where, JsonElement json) {
    if (json instanceof JsonPrimitive primitive) {
      if (primitive.isString() && List.of("true", "false", "").contains(primitive.getAsString())) {
        throw new StudyException(
            Text.of(
                "%s is '%s' in quotes; switches are true or false without them",
                where, primitive.getAsString()));
      }
      return primitive.isNumber()
          ? primitive.getAsBigDecimal().toPlainString()
          : primitive.getAsString();
    }
    if (json instanceof JsonArray array && !array.isEmpty()) {
      return StreamSupport.stream(array.spliterator(), false)
          .map(part -> value(where, part))
          .collect(Collectors.joining(","));
    }
    throw new StudyException(
        Text.of("%s is a text, a number, true, false or a list of these, not %s", where, json));
  }

  private static List<Long> seeds(JsonElement json) {
    List<Long> seeds = new ArrayList<>();
    for (JsonElement seed : array("seeds", json)) {
      try {
        seeds.add(Long.valueOf(seed.getAsString()));
      } catch (IllegalStateException | UnsupportedOperationException | NumberFormatException e) {
        throw new StudyException("seeds are whole numbers, not " + seed);
      }
    }
    return seeds;
  }

  private static JsonElement get(String where, JsonObject json, String key) {
    if (!json.has(key)) {
      throw new StudyException(Text.of("%s has no '%s'", where, key));
    }
    return json.get(key);
  }

  private static String text(String where, JsonObject json, String key) {
    if (get(where, json, key) instanceof JsonPrimitive value && value.isString()) {
      return value.getAsString();
    }
    throw new StudyException(Text.of("%s, %s is a text, not %s", where, key, json.get(key)));
  }

  private static double number(String where, JsonObject json, String key) {
    if (get(where, json, key) instanceof JsonPrimitive value && value.isNumber()) {
      return value.getAsDouble();
    }
    throw new StudyException(Text.of("%s, %s is a number, not %s", where, key, json.get(key)));
  }

  private static JsonObject object(String where, JsonElement json) {
    if (json instanceof JsonObject object) {
      return object;
    }
    throw new StudyException(Text.of("%s is an object, not %s", where, json));
  }

  private static JsonArray array(String where, JsonElement json) {
    if (json instanceof JsonArray array) {
      return array;
    }
    throw new StudyException(Text.of("%s is a list, not %s", where, json));
  }
}
