package org.nin4j.model.json;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.List;
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
import org.nin4j.model.Operation;
import org.nin4j.model.OperationVisitor;
import org.nin4j.model.Part;
import org.nin4j.model.Sequential;
import org.nin4j.model.Sum;
import org.nin4j.model.Window;

/** Writes what {@link NetworkReader} reads; its documentation has the format. */
public final class NetworkWriter implements OperationVisitor<JsonObject> {
  private NetworkWriter() {}

  /** A network as JSON. */
  public static JsonObject write(Network network) {
    JsonObject json = new JsonObject();
    json.addProperty("name", network.name());
    json.add("layers", write(network.layers()));
    return json;
  }

  /** A layer as JSON. */
  public static JsonElement write(Layer layer) {
    return new NetworkWriter().layer(layer);
  }

  private JsonElement layer(Layer layer) {
    if (layer instanceof Sequential sequence) {
      return areNumbered(sequence.parts())
          ? array(sequence.parts())
          : parts(kind("sequence"), "parts", sequence.parts());
    }
    JsonObject json = ((Operation) layer).accept(this);
    return json.size() == 1 ? json.get("kind") : json;
  }

  private static boolean areNumbered(List<Part> parts) {
    for (int i = 0; i < parts.size(); i++) {
      if (parts.get(i).inline() || !parts.get(i).name().equals(Integer.toString(i))) {
        return false;
      }
    }
    return true;
  }

  private JsonArray array(List<Part> parts) {
    JsonArray array = new JsonArray();
    parts.forEach(part -> array.add(layer(part.layer())));
    return array;
  }

  private JsonObject parts(JsonObject json, String key, List<Part> parts) {
    if (areNumbered(parts)) {
      json.add(key, array(parts));
      return json;
    }
    JsonObject named = new JsonObject();
    for (Part part : parts) {
      named.add(part.name(), part.inline() ? inline(part.layer()) : layer(part.layer()));
    }
    json.add(key, named);
    return json;
  }

  private JsonObject inline(Layer layer) {
    JsonElement written = layer(layer);
    JsonObject json;
    if (written instanceof JsonArray array) {
      json = kind("sequence");
      json.add("parts", array);
    } else if (written instanceof JsonPrimitive kind) {
      json = kind(kind.getAsString());
    } else {
      json = written.getAsJsonObject();
    }
    json.addProperty("inline", true);
    return json;
  }

  private static JsonObject kind(String kind) {
    JsonObject json = new JsonObject();
    json.addProperty("kind", kind);
    return json;
  }

  private static JsonObject window(JsonObject json, Window window) {
    json.addProperty("kernel", window.kernel());
    if (window.stride() != 1) {
      json.addProperty("stride", window.stride());
    }
    if (window.padding() != 0) {
      json.addProperty("padding", window.padding());
    }
    return json;
  }

  @Override
  public JsonObject visit(Conv2d layer) {
    JsonObject json = kind(layer.kind());
    json.addProperty("channels", layer.outChannels());
    window(json, layer.window());
    if (layer.groups() != 1) {
      json.addProperty("groups", layer.groups());
    }
    if (!layer.bias()) {
      json.addProperty("bias", false);
    }
    return json;
  }

  @Override
  public JsonObject visit(Linear layer) {
    JsonObject json = kind(layer.kind());
    json.addProperty("features", layer.outFeatures());
    return json;
  }

  @Override
  public JsonObject visit(Activation layer) {
    return kind(layer.kind());
  }

  @Override
  public JsonObject visit(BatchNorm layer) {
    JsonObject json = kind(layer.kind());
    if (!layer.equals(new BatchNorm())) {
      json.addProperty("eps", layer.eps());
      json.addProperty("momentum", layer.momentum());
    }
    return json;
  }

  @Override
  public JsonObject visit(MaxPool2d layer) {
    JsonObject json = window(kind(layer.kind()), layer.window());
    if (layer.ceil()) {
      json.addProperty("ceil", true);
    }
    return json;
  }

  @Override
  public JsonObject visit(AvgPool2d layer) {
    JsonObject json = window(kind(layer.kind()), layer.window());
    if (layer.ceil()) {
      json.addProperty("ceil", true);
    }
    if (!layer.countPadding()) {
      json.addProperty("count_padding", false);
    }
    return json;
  }

  @Override
  public JsonObject visit(GlobalAvgPool2d layer) {
    return kind(layer.kind());
  }

  @Override
  public JsonObject visit(GlobalMaxPool2d layer) {
    return kind(layer.kind());
  }

  @Override
  public JsonObject visit(Dropout layer) {
    JsonObject json = kind(layer.kind());
    json.addProperty("probability", layer.probability());
    return json;
  }

  @Override
  public JsonObject visit(Flatten layer) {
    return kind(layer.kind());
  }

  @Override
  public JsonObject visit(Identity layer) {
    return kind(layer.kind());
  }

  @Override
  public JsonObject visit(Sum layer) {
    return parts(kind(layer.kind()), "branches", layer.branches());
  }

  @Override
  public JsonObject visit(Concat layer) {
    return parts(kind(layer.kind()), "branches", layer.branches());
  }
}
