package org.nin4j.train.diagnosis;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.nin4j.backend.Backend;
import org.nin4j.backend.DeviceRates;
import org.nin4j.data.file.PartialFile;
import org.nin4j.plan.Precision;
import org.nin4j.text.Text;
import org.nin4j.train.recipe.RecipeJson;

/**
 * The rates of devices that were measured once, in a file of a cache: what cannot be read or
 * written there is not known, and no worse.
 */
public final class KnownRates {
  private static final String FILE = "rates.json";
  private static final String BYTES = "bytes_per_second";
  private static final String FLOPS = "flops_per_second";

  private KnownRates() {}

  /** The rates of a device that describes itself like this one, if they were kept. */
  public static Optional<DeviceRates> find(Path cache, Backend backend, Precision precision) {
    try {
      JsonElement rates = all(cache).get(name(backend, precision));
      return rates instanceof JsonObject json
          ? Optional.of(
              new DeviceRates(json.get(BYTES).getAsDouble(), json.get(FLOPS).getAsDouble()))
          : Optional.empty();
    } catch (RuntimeException e) {
      return Optional.empty(); // Changed by hand.
    }
  }

  /** Keeps what was measured, in place of what was known. */
  public static void keep(Path cache, Backend backend, Precision precision, DeviceRates rates) {
    JsonObject json = new JsonObject();
    json.addProperty(BYTES, rates.bytesPerSecond());
    json.addProperty(FLOPS, rates.flopsPerSecond());
    JsonObject all = all(cache);
    all.add(name(backend, precision), json);
    try {
      PartialFile.write(cache.resolve(FILE), all + "\n");
    } catch (UncheckedIOException e) {
      return; // They are measured again.
    }
  }

  private static JsonObject all(Path cache) {
    Path file = cache.resolve(FILE);
    try {
      return Files.exists(file)
          ? JsonParser.parseString(Files.readString(file)).getAsJsonObject()
          : new JsonObject();
    } catch (IOException | JsonParseException | IllegalStateException e) {
      return new JsonObject();
    }
  }

  private static String name(Backend backend, Precision precision) {
    return Text.of("%s, %s", backend.description(), RecipeJson.name(precision));
  }
}
