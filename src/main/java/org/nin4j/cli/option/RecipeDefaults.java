package org.nin4j.cli.option;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.ListResourceBundle;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.RecipeJson;
import org.nin4j.train.recipe.Recipes;

/** The recipes' settings as text: in help texts {@code ${bundle:recipe.NAME}}. */
public final class RecipeDefaults extends ListResourceBundle {
  private static final String NONE = "0";

  @Override
  protected Object[][] getContents() {
    Map<String, Map<String, String>> settings = new LinkedHashMap<>();
    Set<String> keys = new LinkedHashSet<>();
    for (Recipe recipe : Recipes.all().values()) {
      settings.put(recipe.name(), settings(recipe));
      keys.addAll(settings.get(recipe.name()).keySet());
    }
    return keys.stream()
        .map(key -> new Object[] {"recipe." + key, defaults(settings, key)})
        .toArray(Object[][]::new);
  }

  /** The default recipe's value, then those of the others where they differ. */
  private static String defaults(Map<String, Map<String, String>> settings, String key) {
    String first = settings.get(Recipes.DEFAULT).getOrDefault(key, NONE);
    List<String> others = new ArrayList<>();
    settings.forEach(
        (name, values) -> {
          String value = values.getOrDefault(key, NONE);
          if (!value.equals(first)) {
            others.add(name + ": " + value);
          }
        });
    return first + (others.isEmpty() ? "" : " (" + String.join(", ", others) + ")");
  }

  /** A recipe's settings by name, nested ones beside the others. */
  public static Map<String, String> settings(Recipe recipe) {
    Map<String, String> settings = new LinkedHashMap<>();
    collect(RecipeJson.write(recipe), settings);
    return settings;
  }

  private static void collect(JsonObject json, Map<String, String> settings) {
    for (Map.Entry<String, JsonElement> entry : json.entrySet()) {
      if (entry.getValue().isJsonObject()) {
        collect(entry.getValue().getAsJsonObject(), settings);
      } else {
        settings.put(entry.getKey(), text(entry.getValue()));
      }
    }
  }

  private static String text(JsonElement value) {
    if (value instanceof JsonArray array) {
      return StreamSupport.stream(array.spliterator(), false)
          .map(RecipeDefaults::text)
          .collect(Collectors.joining(","));
    }
    boolean number = value.getAsJsonPrimitive().isNumber();
    return number
        ? new BigDecimal(value.getAsString()).stripTrailingZeros().toPlainString()
        : value.getAsString();
  }
}
