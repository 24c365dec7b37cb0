package org.nin4j.train.recipe;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.nin4j.data.Split;
import org.nin4j.model.Initialisation;
import org.nin4j.model.zoo.NinVariant;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.Adam;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Learning;
import org.nin4j.plan.step.Optimizer;
import org.nin4j.plan.step.Sgd;

/** Recipes as JSON, in checkpoints and run folders; floats keep their value exactly. */
public final class RecipeJson {
  private RecipeJson() {}

  /** Writes a recipe. */
  public static JsonObject write(Recipe recipe) {
    JsonObject json = new JsonObject();
    json.addProperty("name", recipe.name());
    json.addProperty("network", recipe.network());
    json.addProperty("inner", InnerConvolutions.format(recipe.variant().inner()));
    json.addProperty("head", name(recipe.variant().head()));
    json.addProperty("reduce", Reduction.format(recipe.variant().reduction()));
    recipe
        .variant()
        .dropout()
        .ifPresentOrElse(
            share -> json.addProperty("dropout", share),
            () -> json.addProperty("dropout", DropoutShare.PUBLISHED));
    json.addProperty("dataset", recipe.dataset());
    recipe
        .split()
        .ifPresent(
            split -> {
              json.addProperty("split", split.share());
              json.addProperty("split_seed", split.seed());
            });
    recipe.limit().ifPresent(limit -> json.addProperty("limit", limit));
    recipe.validation().ifPresent(share -> json.addProperty("validation", share));
    json.addProperty("size", recipe.size());
    json.addProperty("preprocess", name(recipe.preprocessing()));
    json.add("mean", floats(recipe.mean()));
    json.add("std", floats(recipe.std()));
    json.addProperty("flip", recipe.augmentation().flip());
    json.addProperty("shift", recipe.augmentation().shift());
    json.addProperty("cutout", recipe.augmentation().cutout());
    json.addProperty("batch", recipe.batch());
    json.addProperty("epochs", recipe.epochs());
    json.addProperty("precision", name(recipe.precision()));
    learning(recipe.learning(), json);
    json.add("schedule", schedule(recipe.schedule()));
    json.addProperty("initialisation", name(recipe.initialisation()));
    json.addProperty("label_smoothing", recipe.labelSmoothing());
    json.addProperty("seed", recipe.seed());
    return json;
  }

  /**
   * Reads a recipe.
   *
   * @throws IllegalArgumentException if something is missing or makes no sense
   */
  public static Recipe read(JsonObject json) {
    try {
      return recipe(json);
    } catch (UnsupportedOperationException | IllegalStateException e) {
      // Gson's, where a value is an object, a list or null.
      throw new IllegalArgumentException(
          "the recipe has a value of another kind than there should be: " + e.getMessage(), e);
    }
  }

  private static Recipe recipe(JsonObject json) {
    return new Recipe(
        get(json, "name").getAsString(),
        get(json, "network").getAsString(),
        new NinVariant(
            InnerConvolutions.parse(get(json, "inner").getAsString()),
            constant(NinVariant.Head.class, get(json, "head").getAsString()),
            Reduction.parse(get(json, "reduce").getAsString()),
            dropout(json)),
        get(json, "dataset").getAsString(),
        json.has("split")
            ? Optional.of(
                new Split(json.get("split").getAsDouble(), get(json, "split_seed").getAsLong()))
            : Optional.empty(),
        json.has("limit") ? OptionalInt.of(json.get("limit").getAsInt()) : OptionalInt.empty(),
        json.has("validation")
            ? OptionalDouble.of(json.get("validation").getAsDouble())
            : OptionalDouble.empty(),
        get(json, "size").getAsInt(),
        preprocessing(json),
        floats(get(json, "mean")),
        floats(get(json, "std")),
        augmentation(json),
        get(json, "batch").getAsInt(),
        get(json, "epochs").getAsInt(),
        constant(Precision.class, get(json, "precision").getAsString()),
        learning(json),
        schedule(get(json, "schedule").getAsJsonObject()),
        constant(Initialisation.class, get(json, "initialisation").getAsString()),
        get(json, "label_smoothing").getAsFloat(),
        get(json, "seed").getAsLong());
  }

  /** Files of earlier versions know none. */
  private static Optional<Float> dropout(JsonObject json) {
    return json.has("dropout")
        ? DropoutShare.parse(json.get("dropout").getAsString())
        : Optional.empty();
  }

  /** Files of earlier versions know none. */
  private static Preprocessing preprocessing(JsonObject json) {
    return json.has("preprocess")
        ? constant(Preprocessing.class, json.get("preprocess").getAsString())
        : Preprocessing.NONE;
  }

  /** Files of earlier versions know no cut-out. */
  private static BatchSpec.Augmentation augmentation(JsonObject json) {
    return new BatchSpec.Augmentation(
        get(json, "flip").getAsBoolean(),
        get(json, "shift").getAsInt(),
        json.has("cutout") ? json.get("cutout").getAsInt() : 0);
  }

  private static void learning(Learning learning, JsonObject json) {
    Optimizer optimizer = learning.optimizer();
    json.addProperty("optimizer", kind(optimizer));
    if (optimizer instanceof Sgd sgd) {
      json.addProperty("momentum", sgd.momentum());
      json.addProperty("nesterov", sgd.nesterov());
    } else if (optimizer instanceof Adam adam) {
      json.addProperty("beta1", adam.beta1());
      json.addProperty("beta2", adam.beta2());
      json.addProperty("epsilon", adam.epsilon());
    }
    json.addProperty("weight_decay", optimizer.weightDecay());
    json.addProperty("bias_rate", learning.factors().bias());
    json.addProperty("norm_rate", learning.factors().norm());
    json.addProperty("last_rate", learning.factors().last());
    json.addProperty("decay_weights_only", learning.factors().decayWeightsOnly());
    json.addProperty("clip", learning.clip().orElse(0f));
    json.addProperty("average", learning.average().orElse(0f));
  }

  /** An optimizer's kind in one word: sgd, adam, adamw. */
  public static String kind(Optimizer optimizer) {
    return optimizer instanceof Adam adam && adam.decoupled()
        ? "adamw"
        : optimizer.getClass().getSimpleName().toLowerCase(Locale.ROOT);
  }

  /** Files of the first versions know gradient descent alone. */
  private static Learning learning(JsonObject json) {
    if (!json.has("optimizer")) {
      return Learning.by(sgd(json));
    }
    String kind = json.get("optimizer").getAsString();
    Optimizer optimizer =
        switch (kind) {
          case "sgd" -> sgd(json);
          case "adam", "adamw" ->
              new Adam(
                  get(json, "beta1").getAsDouble(),
                  get(json, "beta2").getAsDouble(),
                  get(json, "epsilon").getAsFloat(),
                  get(json, "weight_decay").getAsFloat(),
                  kind.equals("adamw"));
          default -> throw new IllegalArgumentException("there is no optimizer " + kind);
        };
    return new Learning(
        optimizer,
        new Learning.Factors(
            get(json, "bias_rate").getAsFloat(),
            get(json, "norm_rate").getAsFloat(),
            get(json, "last_rate").getAsFloat(),
            get(json, "decay_weights_only").getAsBoolean()),
        unlessZero(get(json, "clip").getAsFloat()),
        unlessZero(get(json, "average").getAsFloat()));
  }

  private static Sgd sgd(JsonObject json) {
    return new Sgd(
        get(json, "momentum").getAsFloat(),
        get(json, "nesterov").getAsBoolean(),
        get(json, "weight_decay").getAsFloat());
  }

  /** What is written as 0 where there is none. */
  private static Optional<Float> unlessZero(float value) {
    return value == 0 ? Optional.empty() : Optional.of(value);
  }

  private static JsonObject schedule(Schedule schedule) {
    JsonObject json = new JsonObject();
    json.addProperty("kind", kind(schedule));
    json.addProperty("rate", schedule.base());
    if (schedule instanceof Schedule.Cosine cosine) {
      json.addProperty("warm_up", cosine.warmUp());
    } else if (schedule instanceof Schedule.Linear linear) {
      json.addProperty("warm_up", linear.warmUp());
    } else if (schedule instanceof Schedule.OneCycle cycle) {
      json.addProperty("warm_up", cycle.warmUp());
    } else if (schedule instanceof Schedule.Steps steps) {
      json.addProperty("factor", steps.factor());
      json.add("milestones", floats(steps.milestones()));
    }
    return json;
  }

  private static Schedule schedule(JsonObject json) {
    float rate = get(json, "rate").getAsFloat();
    String kind = get(json, "kind").getAsString();
    return switch (kind) {
      case "constant" -> new Schedule.Constant(rate);
      case "cosine" -> new Schedule.Cosine(rate, get(json, "warm_up").getAsFloat());
      case "linear" -> new Schedule.Linear(rate, get(json, "warm_up").getAsFloat());
      case "onecycle" -> new Schedule.OneCycle(rate, get(json, "warm_up").getAsFloat());
      case "steps" ->
          new Schedule.Steps(
              rate, get(json, "factor").getAsFloat(), floats(get(json, "milestones")));
      default -> throw new IllegalArgumentException("there is no schedule " + kind);
    };
  }

  /** A schedule's kind in one word. */
  public static String kind(Schedule schedule) {
    return schedule.getClass().getSimpleName().toLowerCase(Locale.ROOT);
  }

  /** A constant's name as people write it, such as {@code xavier-uniform}. */
  public static String name(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /**
   * The constant of that name.
   *
   * @throws IllegalArgumentException if there is none; the message says which there are
   */
  public static <E extends Enum<E>> E constant(Class<E> type, String name) {
    List<String> names = new ArrayList<>();
    for (E constant : type.getEnumConstants()) {
      if (name(constant).equals(name.toLowerCase(Locale.ROOT))) {
        return constant;
      }
      names.add(name(constant));
    }
    throw new IllegalArgumentException("'" + name + "' is none of " + String.join(", ", names));
  }

  private static JsonElement get(JsonObject json, String key) {
    if (!json.has(key)) {
      throw new IllegalArgumentException("the recipe has no '" + key + "'");
    }
    return json.get(key);
  }

  private static JsonArray floats(List<Float> values) {
    JsonArray array = new JsonArray();
    values.forEach(array::add);
    return array;
  }

  private static List<Float> floats(JsonElement array) {
    List<Float> values = new ArrayList<>();
    array.getAsJsonArray().forEach(e -> values.add(e.getAsFloat()));
    return values;
  }
}
