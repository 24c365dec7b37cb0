package org.nin4j.study;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.nin4j.text.Text;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.RecipeJson;

/** In what two recipes differ. */
final class RecipeDifference {
  private RecipeDifference() {}

  /** For people, such as {@code size 67 there, 96 now}. */
  static String of(Recipe there, Recipe now) {
    JsonObject before = RecipeJson.write(there);
    JsonObject after = RecipeJson.write(now);
    Set<String> keys = new LinkedHashSet<>(after.keySet());
    keys.addAll(before.keySet());
    List<String> differences = new ArrayList<>();
    for (String key : keys) {
      if (!text(before, key).equals(text(after, key))) {
        differences.add(Text.of("%s %s there, %s now", key, text(before, key), text(after, key)));
      }
    }
    return differences.isEmpty()
        ? "the network or the images differ"
        : String.join("; ", differences);
  }

  private static String text(JsonObject json, String key) {
    if (!json.has(key)) {
      return "none";
    }
    JsonElement value = json.get(key);
    return value.isJsonPrimitive() ? value.getAsString() : value.toString();
  }
}
