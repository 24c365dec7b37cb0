package org.nin4j.model.json;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.nin4j.json.JsonTextException;
import org.nin4j.json.StrictJson;
import org.nin4j.model.Activation;
import org.nin4j.model.AvgPool2d;
import org.nin4j.model.BatchNorm;
import org.nin4j.model.Concat;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.GlobalMaxPool2d;
import org.nin4j.model.Identity;
import org.nin4j.model.Layer;
import org.nin4j.model.Linear;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.Part;
import org.nin4j.model.Sequential;
import org.nin4j.model.Sum;
import org.nin4j.model.Window;
import org.nin4j.text.Text;

/**
 * Reads descriptions of networks: {@code {"name": …, "layers": LAYER}}. A layer is
 *
 * <ul>
 *   <li>an array of layers: one after the other, called 0, 1, 2, …
 *   <li>an object with its {@code kind} and settings: {@code {"kind": "conv", "channels": 96,
 *       "kernel": 11, "stride": 4}}; stride is 1 and padding 0 where they are left out
 *   <li>a kind alone where everything else can be left out: {@code "relu"}
 * </ul>
 *
 * <p>Kinds with their settings: conv (channels, kernel, stride, padding, groups, bias), linear
 * (features), relu, sigmoid, tanh, leakyrelu, batchnorm (eps, momentum), maxpool (kernel, stride,
 * padding, ceil), avgpool (the same and count_padding), globalavg, globalmax, dropout
 * (probability), flatten, identity; sum and concat (branches: an array, or an object with the
 * branches' names), sequence (parts: the same). {@code "inline": true} in a named part leaves its
 * name out of its own parts' paths, see {@link Part}.
 */
public final class NetworkReader {
  /** Layers within layers; more is nothing that a person wrote. */
  private static final int DEEPEST = 100;

  private static final List<String> KINDS =
      List.of(
          "conv",
          "linear",
          "relu",
          "sigmoid",
          "tanh",
          "leakyrelu",
          "batchnorm",
          "maxpool",
          "avgpool",
          "globalavg",
          "globalmax",
          "dropout",
          "flatten",
          "identity",
          "sum",
          "concat",
          "sequence");

  private NetworkReader() {}

  /**
   * Reads a network.
   *
   * @throws DescriptionException if the JSON describes none
   */
  public static Network read(JsonElement json) {
    Fields fields = Fields.of("the description", json);
    String name = fields.text("name");
    Layer layers = layer("layers", fields.get("layers"), 0);
    fields.end();
    return built("the description", () -> new Network(name, layers));
  }

  /**
   * Reads a network from text.
   *
   * @throws DescriptionException if it is no JSON, or describes none
   */
  public static Network parse(String json) {
    try {
      return read(StrictJson.parse(json));
    } catch (JsonTextException e) {
      throw new DescriptionException("the description " + e.getMessage());
    }
  }

  private static Layer layer(String at, JsonElement json, int depth) {
    if (depth > DEEPEST) {
      throw new DescriptionException("layers are nested more than " + DEEPEST + " deep");
    }
    if (json instanceof JsonArray array) {
      return built(at, () -> new Sequential(numbered(at, array, depth)));
    }
    if (json instanceof JsonPrimitive kind && kind.isString()) {
      JsonObject alone = new JsonObject();
      alone.add("kind", kind);
      return layer(at, alone, depth);
    }
    Fields fields = Fields.of(at, json);
    String kind = fields.text("kind");
    fields.flag("inline", false);
    Layer layer = built(at, () -> ofKind(kind, fields, depth));
    fields.end();
    return layer;
  }

  private static Layer ofKind(String kind, Fields fields, int depth) {
    return switch (kind) {
      case "conv" ->
          new Conv2d(
              fields.number("channels"),
              window(fields, 1),
              fields.number("groups", 1),
              fields.flag("bias", true));
      case "linear" -> new Linear(fields.number("features"));
      case "relu" -> Activation.RELU;
      case "sigmoid" -> Activation.SIGMOID;
      case "tanh" -> Activation.TANH;
      case "leakyrelu" -> Activation.LEAKY_RELU;
      case "batchnorm" ->
          new BatchNorm(
              fields.real("eps", new BatchNorm().eps()),
              fields.real("momentum", new BatchNorm().momentum()));
      case "maxpool" -> new MaxPool2d(window(fields, 1), fields.flag("ceil", false));
      case "avgpool" ->
          new AvgPool2d(
              window(fields, 1), fields.flag("ceil", false), fields.flag("count_padding", true));
      case "globalavg" -> new GlobalAvgPool2d();
      case "globalmax" -> new GlobalMaxPool2d();
      case "dropout" -> new Dropout(fields.real("probability", Float.NaN));
      case "flatten" -> new Flatten();
      case "identity" -> new Identity();
      case "sum" -> new Sum(parts(fields, "branches", depth));
      case "concat" -> new Concat(parts(fields, "branches", depth));
      case "sequence" -> new Sequential(parts(fields, "parts", depth));
      default ->
          throw new DescriptionException(
              Text.of(
                  "%s: there is no kind \"%s\"; there are %s",
                  fields.at, kind, String.join(", ", KINDS)));
    };
  }

  private static Window window(Fields fields, int stride) {
    return new Window(
        fields.number("kernel"), fields.number("stride", stride), fields.number("padding", 0));
  }

  private static List<Part> numbered(String at, JsonArray array, int depth) {
    List<Part> parts = new ArrayList<>();
    for (JsonElement element : array) {
      String here = at + "[" + parts.size() + "]";
      parts.add(Part.of(Integer.toString(parts.size()), layer(here, element, depth + 1)));
    }
    return parts;
  }

  private static List<Part> parts(Fields fields, String key, int depth) {
    JsonElement json = fields.get(key);
    String at = fields.at + "." + key;
    if (json instanceof JsonArray array) {
      return numbered(at, array, depth);
    }
    if (!(json instanceof JsonObject)) {
      throw new DescriptionException(at + " is an array of layers, or an object of named ones");
    }
    List<Part> parts = new ArrayList<>();
    for (Map.Entry<String, JsonElement> entry : json.getAsJsonObject().entrySet()) {
      String here = at + "." + entry.getKey();
      Layer layer = layer(here, entry.getValue(), depth + 1);
      boolean inline =
          entry.getValue() instanceof JsonObject object
              && Fields.of(here, object).flag("inline", false);
      parts.add(new Part(entry.getKey(), layer, inline));
    }
    return parts;
  }

  private interface Building<T> {
    T build();
  }

  /** What a record itself refuses is said with the place. */
  private static <T> T built(String at, Building<T> building) {
    try {
      return building.build();
    } catch (IllegalArgumentException e) {
      throw new DescriptionException(at + ": " + e.getMessage());
    }
  }

  /** An object's fields; in the end, all must have been asked for. */
  private static final class Fields {
    final String at;
    private final JsonObject json;
    private final Set<String> known = new TreeSet<>();

    private Fields(String at, JsonObject json) {
      this.at = at;
      this.json = json;
    }

    static Fields of(String at, JsonElement json) {
      if (!(json instanceof JsonObject object)) {
        throw new DescriptionException(
            at + " is an object, such as {\"kind\": \"relu\"}, not " + shortened(json));
      }
      return new Fields(at, object);
    }

    private static String shortened(JsonElement json) {
      String text = String.valueOf(json);
      return text.length() <= 40 ? text : text.substring(0, 40) + "…";
    }

    JsonElement get(String key) {
      known.add(key);
      if (!json.has(key)) {
        throw new DescriptionException(at + " has no \"" + key + "\"");
      }
      return json.get(key);
    }

    private JsonPrimitive primitive(String key, String wanted) {
      if (get(key) instanceof JsonPrimitive value) {
        return value;
      }
      throw wrong(key, wanted);
    }

    private DescriptionException wrong(String key, String wanted) {
      return new DescriptionException(
          Text.of("%s.%s is %s, not %s", at, key, wanted, shortened(json.get(key))));
    }

    String text(String key) {
      JsonPrimitive value = primitive(key, "a text");
      if (!value.isString()) {
        throw wrong(key, "a text");
      }
      return value.getAsString();
    }

    int number(String key) {
      JsonPrimitive value = primitive(key, "a whole number");
      try {
        return value.isNumber() ? value.getAsBigDecimal().intValueExact() : notANumber(key);
      } catch (ArithmeticException | NumberFormatException e) {
        throw wrong(key, "a whole number below 2³¹");
      }
    }

    private int notANumber(String key) {
      throw wrong(key, "a whole number");
    }

    int number(String key, int otherwise) {
      known.add(key);
      return json.has(key) ? number(key) : otherwise;
    }

    float real(String key, float otherwise) {
      known.add(key);
      if (!json.has(key)) {
        if (Float.isNaN(otherwise)) {
          get(key);
        }
        return otherwise;
      }
      JsonPrimitive value = primitive(key, "a number");
      if (!value.isNumber()) {
        throw wrong(key, "a number");
      }
      return value.getAsFloat();
    }

    boolean flag(String key, boolean otherwise) {
      known.add(key);
      if (!json.has(key)) {
        return otherwise;
      }
      JsonPrimitive value = primitive(key, "true or false");
      if (!value.isBoolean()) {
        throw wrong(key, "true or false");
      }
      return value.getAsBoolean();
    }

    void end() {
      for (String key : json.keySet()) {
        if (!known.contains(key)) {
          throw new DescriptionException(
              Text.of(
                  "%s has an unknown \"%s\"; known here: %s", at, key, String.join(", ", known)));
        }
      }
    }
  }
}
