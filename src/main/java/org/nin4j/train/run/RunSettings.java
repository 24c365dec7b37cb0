package org.nin4j.train.run;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.nin4j.data.file.PartialFile;
import org.nin4j.json.JsonTextException;
import org.nin4j.json.StrictJson;
import org.nin4j.model.Network;
import org.nin4j.model.json.DescriptionException;
import org.nin4j.model.json.NetworkReader;
import org.nin4j.text.Text;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.RecipeJson;

/**
 * What a file like a run's {@code config.json} says to train.
 *
 * @param network empty where the recipe's name says it
 * @param start a checkpoint whose values it starts with
 */
public record RunSettings(Recipe recipe, Optional<Network> network, Optional<Path> start) {
  /**
   * Reads such a file, of which a recipe is enough.
   *
   * @throws IllegalArgumentException if it is none, or makes no sense
   * @throws java.io.UncheckedIOException if it cannot be read
   */
  public static RunSettings read(Path file) {
    try {
      JsonElement json = StrictJson.parse(Files.readString(file));
      if (!(json instanceof JsonObject config)
          || !(config.get("recipe") instanceof JsonObject recipe)) {
        throw new IllegalArgumentException("it holds no recipe");
      }
      return new RunSettings(
          RecipeJson.read(recipe),
          Optional.ofNullable(config.get("network")).map(NetworkReader::read),
          Optional.ofNullable(config.get("start_from")).map(RunSettings::path));
    } catch (IOException e) {
      throw PartialFile.unreadable(file, e);
    } catch (DescriptionException e) {
      throw new DescriptionException(file + ": " + e.getMessage());
    } catch (JsonTextException | IllegalArgumentException e) {
      throw new IllegalArgumentException(
          Text.of("%s is no config.json of a run: %s", file, e.getMessage()), e);
    }
  }

  private static Path path(JsonElement json) {
    if (json instanceof JsonPrimitive text && text.isString()) {
      return Path.of(text.getAsString());
    }
    throw new IllegalArgumentException("its start_from is no text");
  }
}
