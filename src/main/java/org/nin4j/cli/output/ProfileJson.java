package org.nin4j.cli.output;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import org.nin4j.train.diagnosis.Profile;
import org.nin4j.train.diagnosis.Profile.StepTime;
import org.nin4j.train.diagnosis.Profile.Total;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.RecipeJson;

/** A profile for programs: times in seconds, rates a second. */
public final class ProfileJson {
  private ProfileJson() {}

  /** The text of a file, steps in plan order. */
  public static String write(
      Profile profile, String device, Recipe recipe, String data, boolean inference, int runs) {
    JsonObject json = new JsonObject();
    json.addProperty("nin4j", ProgramVersion.text());
    json.addProperty("device", device);
    json.addProperty("purpose", inference ? "inference" : "training");
    json.addProperty("data", data);
    json.add("recipe", RecipeJson.write(recipe));
    json.addProperty("timed_runs", runs);
    json.addProperty("bytes_per_second", profile.rates().bytesPerSecond());
    json.addProperty("flops_per_second", profile.rates().flopsPerSecond());
    json.addProperty("run_seconds", profile.runSeconds());
    JsonArray steps = new JsonArray();
    for (StepTime s : profile.steps()) {
      JsonObject step = new JsonObject();
      step.addProperty("layer", s.step().layer());
      step.addProperty("step", s.step().kind());
      s.way().ifPresent(way -> step.addProperty("way", way));
      step.addProperty("block", s.block());
      step.addProperty("seconds", s.seconds());
      step.addProperty("spread_seconds", s.spread());
      step.addProperty("floor_seconds", s.floor());
      step.addProperty("bytes", s.bytes());
      step.addProperty("flops", s.flops());
      step.addProperty("multiplies_less", s.multipliesLess());
      steps.add(step);
    }
    json.add("steps", steps);
    JsonArray blocks = new JsonArray();
    profile.blocks().forEach(b -> blocks.add(total(b)));
    json.add("blocks", blocks);
    json.add("total", total(profile.total()));
    return new GsonBuilder().setPrettyPrinting().create().toJson(json) + "\n";
  }

  private static JsonObject total(Total total) {
    JsonObject json = new JsonObject();
    json.addProperty("name", total.name());
    json.addProperty("seconds", total.seconds());
    json.addProperty("floor_seconds", total.floor());
    json.addProperty("bytes", total.bytes());
    json.addProperty("flops", total.flops());
    return json;
  }
}
