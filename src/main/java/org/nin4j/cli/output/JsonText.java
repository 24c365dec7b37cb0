package org.nin4j.cli.output;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.List;

/** JSON for people: what fits into a line stands in one. */
public final class JsonText {
  private static final int WIDTH = 80;
  private static final String INDENT = "  ";

  private JsonText() {}

  public static String of(JsonElement json) {
    return text(json, "", 0);
  }

  /**
   * @param indent of the line that it begins in
   * @param used of this line, by the indent and a name before it
   */
  private static String text(JsonElement json, String indent, int used) {
    String line = inLine(json);
    if (used + line.length() < WIDTH || json.isJsonPrimitive()) {
      return line;
    }
    String deeper = indent + INDENT;
    List<String> parts = new ArrayList<>();
    if (json instanceof JsonArray array) {
      array.forEach(e -> parts.add(deeper + text(e, deeper, deeper.length())));
      return "[\n" + String.join(",\n", parts) + "\n" + indent + "]";
    }
    for (var entry : json.getAsJsonObject().entrySet()) {
      String name = deeper + quoted(entry.getKey()) + ": ";
      parts.add(name + text(entry.getValue(), deeper, name.length()));
    }
    return "{\n" + String.join(",\n", parts) + "\n" + indent + "}";
  }

  private static String inLine(JsonElement json) {
    List<String> parts = new ArrayList<>();
    if (json instanceof JsonArray array) {
      array.forEach(e -> parts.add(inLine(e)));
      return "[" + String.join(", ", parts) + "]";
    }
    if (json instanceof JsonObject object) {
      object.entrySet().forEach(e -> parts.add(quoted(e.getKey()) + ": " + inLine(e.getValue())));
      return "{" + String.join(", ", parts) + "}";
    }
    return json.toString();
  }

  private static String quoted(String name) {
    return new JsonPrimitive(name).toString();
  }
}
