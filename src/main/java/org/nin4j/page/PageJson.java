package org.nin4j.page;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import org.nin4j.train.Progress;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.history.History;
import org.nin4j.train.recipe.RecipeJson;
import org.nin4j.train.run.RecordedRun;

/** What the page's script is given. */
final class PageJson {
  private PageJson() {}

  /** Versions of what a reader fetches only when it has changed; 0 where there is nothing yet. */
  record Stamps(long about, long plan, long answers) {}

  static JsonObject state(RunState state, Stamps stamps) {
    JsonObject json = new JsonObject();
    json.addProperty("phase", name(state.phase()));
    json.addProperty("asked", name(state.asked()));
    json.addProperty("message", state.message());
    json.add("elapsed", number(state.elapsed()));
    json.add("left", number(state.left()));
    state.progress().ifPresent(p -> json.add("progress", progress(p)));
    json.add("curve", curve(state.points()));
    json.add("epochs", history(state.history()));
    json.addProperty("about", stamps.about());
    json.addProperty("plan", stamps.plan());
    json.addProperty("answers", stamps.answers());
    return json;
  }

  private static JsonObject progress(Progress p) {
    JsonObject json = new JsonObject();
    json.addProperty("epoch", p.epoch());
    json.addProperty("epochs", p.epochs());
    json.addProperty("step", p.step());
    json.addProperty("steps", p.steps());
    json.add("loss", number(p.sums().loss()));
    json.add("accuracy", number(p.sums().accuracy()));
    json.add("images_per_second", number(p.imagesPerSecond()));
    return json;
  }

  private static JsonObject curve(List<CurvePoint> points) {
    JsonObject json = new JsonObject();
    json.add("step", array(points, p -> new JsonPrimitive(p.step())));
    json.add("loss", array(points, p -> number(p.loss())));
    json.add("accuracy", array(points, p -> number(p.accuracy())));
    json.add("learning_rate", array(points, p -> number(p.rate())));
    json.add("images_per_second", array(points, p -> number(p.imagesPerSecond())));
    return json;
  }

  /** The columns of a history by their names. */
  private static JsonObject history(History history) {
    JsonObject json = new JsonObject();
    for (EpochResult epoch : history.epochs()) {
      History.columns(epoch)
          .forEach(
              (name, value) -> {
                if (!json.has(name)) {
                  json.add(name, new JsonArray());
                }
                json.getAsJsonArray(name).add(number(value.doubleValue()));
              });
    }
    return json;
  }

  static JsonObject about(Optional<About> known) {
    JsonObject json = new JsonObject();
    known.ifPresent(
        about -> {
          json.addProperty("run", about.run());
          json.addProperty("network", about.recipe().network());
          json.addProperty("data", about.data());
          json.addProperty("train_images", about.trainImages());
          json.addProperty("test_images", about.testImages());
          json.add("classes", array(about.classes(), JsonPrimitive::new));
          json.add("image", array(about.image(), JsonPrimitive::new));
          json.addProperty("device", about.device());
          json.addProperty("parameters", about.parameters());
          json.addProperty("training_bytes", about.trainingBytes());
          json.addProperty("steps_per_epoch", about.stepsPerEpoch());
          json.add("flops_per_image", number(about.flopsPerImage()));
          about.peak().ifPresent(peak -> json.add("peak", number(peak)));
          json.add("recipe", RecipeJson.write(about.recipe()));
        });
    return json;
  }

  static JsonObject plan(Optional<PlanPicture> known) {
    JsonObject json = new JsonObject();
    known.ifPresent(
        plan -> {
          json.addProperty("basis", name(plan.basis()));
          json.add("seconds", number(plan.seconds()));
          json.add("steps", array(plan.rows(), PageJson::row));
        });
    return json;
  }

  private static JsonObject row(PlanPicture.Row row) {
    JsonObject json = new JsonObject();
    json.addProperty("layer", row.layer());
    json.addProperty("kind", row.kind());
    json.addProperty("part", name(row.part()));
    json.addProperty("output", row.output());
    json.add("share", number(row.share()));
    json.addProperty("multiply_adds", row.multiplyAdds());
    json.addProperty("bytes", row.bytes());
    return json;
  }

  static JsonObject answers(Optional<Answers> known) {
    JsonObject json = new JsonObject();
    known.ifPresent(
        answers -> {
          json.addProperty("epoch", answers.epoch());
          json.add(
              "confusion",
              array(answers.confusion().counts(), row -> array(row, JsonPrimitive::new)));
          json.add("samples", array(answers.samples(), PageJson::shown));
          json.add("mistakes", array(answers.mistakes(), PageJson::shown));
        });
    return json;
  }

  private static JsonObject shown(Answers.Shown shown) {
    JsonObject json = new JsonObject();
    json.addProperty("image", shown.image());
    json.addProperty("label", shown.label());
    json.addProperty("answer", shown.answer());
    json.add("probability", number(shown.probability()));
    return json;
  }

  static JsonObject run(RecordedRun run) {
    JsonObject json = new JsonObject();
    json.addProperty("name", run.folder().getFileName().toString());
    json.addProperty("started", run.started().toString());
    json.addProperty("network", run.recipe().network());
    json.addProperty("data", run.recipe().dataset());
    json.addProperty("recipe", run.recipe().name());
    json.addProperty("epochs_planned", run.recipe().epochs());
    json.add("seconds", number(run.seconds()));
    json.add("epochs", history(run.history()));
    return json;
  }

  private static <T> JsonArray array(List<T> all, Function<T, JsonElement> writer) {
    JsonArray array = new JsonArray(all.size());
    all.forEach(one -> array.add(writer.apply(one)));
    return array;
  }

  /** Seven digits, which are more than a screen shows; JSON has no NaN and no infinity. */
  private static JsonElement number(double value) {
    float rounded = (float) value;
    return Float.isFinite(rounded) ? new JsonPrimitive(rounded) : JsonNull.INSTANCE;
  }

  private static String name(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }
}
