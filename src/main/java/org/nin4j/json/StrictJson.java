package org.nin4j.json;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import java.io.IOException;
import java.io.StringReader;
import java.math.BigDecimal;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.nin4j.text.Text;

/**
 * Reads JSON as its standard (RFC 8259) has it. Gson's own parser takes what is no JSON, and of two
 * fields with one name the second.
 */
public final class StrictJson {
  /** Of Gson's messages the part that says something. */
  private static final Pattern PLACE = Pattern.compile(" at line \\d+ column \\d+");

  /** Digits of a number that somebody means. */
  private static final int MOST_DIGITS = 100;

  private StrictJson() {}

  /**
   * The tree of a text.
   *
   * @throws JsonTextException if it is no JSON, has a field twice, or a number out of all bounds
   */
  public static JsonElement parse(String text) throws JsonTextException {
    try (JsonReader reader = new JsonReader(new StringReader(text))) {
      reader.setStrictness(Strictness.STRICT);
      JsonElement tree = element(reader);
      reader.peek(); // Fails where something follows.
      return tree;
    } catch (IOException | IllegalStateException | NumberFormatException e) {
      Matcher place = PLACE.matcher(String.valueOf(e.getMessage()));
      throw new JsonTextException("is no JSON" + (place.find() ? place.group() : ""));
    }
  }

  private static JsonElement element(JsonReader reader) throws IOException, JsonTextException {
    return switch (reader.peek()) {
      case BEGIN_OBJECT -> members(reader);
      case BEGIN_ARRAY -> {
        JsonArray array = new JsonArray();
        reader.beginArray();
        while (reader.hasNext()) {
          array.add(element(reader));
        }
        reader.endArray();
        yield array;
      }
      case STRING -> new JsonPrimitive(reader.nextString());
      case NUMBER -> new JsonPrimitive(decimal(reader.nextString()));
      case BOOLEAN -> new JsonPrimitive(reader.nextBoolean());
      default -> {
        reader.nextNull();
        yield JsonNull.INSTANCE;
      }
    };
  }

  private static BigDecimal decimal(String text) throws JsonTextException {
    BigDecimal number = new BigDecimal(text);
    if (Math.abs((long) number.scale()) > MOST_DIGITS) {
      throw new JsonTextException("has the number " + text + ", which is out of all bounds");
    }
    return number;
  }

  private static JsonObject members(JsonReader reader) throws IOException, JsonTextException {
    JsonObject object = new JsonObject();
    reader.beginObject();
    while (reader.hasNext()) {
      String at = place(reader.getPath());
      String name = reader.nextName();
      if (object.has(name)) {
        throw new JsonTextException(
            Text.of("has \"%s\" twice%s", name, at.isEmpty() ? "" : " in " + at));
      }
      object.add(name, element(reader));
    }
    reader.endObject();
    return object;
  }

  /** {@code $.layers[2].} is the object at {@code layers[2]}, and {@code $.} the outermost one. */
  private static String place(String path) {
    return path.replaceFirst("\\.[^.]*$", "").replaceFirst("^\\$\\.?", "");
  }
}
