package org.nin4j.study;

import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.nin4j.backend.Backend;
import org.nin4j.backend.BackendException;
import org.nin4j.data.TrainTest;
import org.nin4j.model.Network;
import org.nin4j.model.ShapeException;
import org.nin4j.model.json.DescriptionException;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.text.Text;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.RecipeJson;
import org.nin4j.train.session.Images;

/**
 * All trainings of a study, each known to be possible.
 *
 * @param study what for
 * @param quick whether in its quick form
 * @param runs variant after variant, seed after seed
 * @param chosen those of them that are to be trained
 */
public record StudyPlan(
    Study study, boolean quick, List<PlannedRun> runs, List<PlannedRun> chosen) {
  private static final String PRECISION = "precision";

  public StudyPlan {
    runs = List.copyOf(runs);
    chosen = List.copyOf(chosen);
  }

  /**
   * Plans a study, and checks each variant. Where the device has no instructions for a precision,
   * fp32 takes its place, so that a study runs everywhere; the report says what was computed in.
   *
   * @param only the variants to train; all where it is empty
   * @param data loads what a recipe is trained on
   * @throws StudyException if a variant makes no sense, or there is none of a name in {@code only}
   * @throws ShapeException if a network cannot take its images; this message and those of others
   *     name the variant
   * @throws DescriptionException if a network's file describes none
   * @throws BackendException if the device cannot do what a variant asks for
   * @throws UncheckedIOException if a network's file cannot be read
   */
  public static StudyPlan of(
      Study study,
      boolean quick,
      List<String> only,
      Interpreter interpreter,
      Backend backend,
      Function<Recipe, TrainTest> data) {
    List<String> names = study.variants().stream().map(Study.Variant::name).toList();
    for (String name : only) {
      if (!names.contains(name)) {
        throw new StudyException(
            Text.of(
                "the study %s has no variant '%s'; there are %s",
                study.name(), name, String.join(", ", names)));
      }
    }
    requireKnown("base", study.base(), interpreter);
    requireKnown("quick", study.quick(), interpreter);
    for (Study.Variant variant : study.variants()) {
      requireKnown(where(variant), variant.changes(), interpreter);
    }
    List<PlannedRun> runs = new ArrayList<>();
    for (Study.Variant variant : study.variants()) {
      runs.addAll(runs(study, variant, quick, interpreter, backend, data));
    }
    List<PlannedRun> chosen =
        runs.stream().filter(run -> only.isEmpty() || only.contains(run.variant().name())).toList();
    return new StudyPlan(study, quick, runs, chosen);
  }

  private static String where(Study.Variant variant) {
    return "variant '" + variant.name() + "'";
  }

  private static void requireKnown(String where, Settings settings, Interpreter interpreter) {
    try {
      interpreter.requireKnown(settings);
    } catch (IllegalArgumentException e) {
      throw new StudyException(where + ": " + e.getMessage());
    }
  }

  private static List<PlannedRun> runs(
      Study study,
      Study.Variant variant,
      boolean quick,
      Interpreter interpreter,
      Backend backend,
      Function<Recipe, TrainTest> data) {
    List<PlannedRun> runs = new ArrayList<>();
    String where = where(variant) + ": ";
    try {
      for (long seed : study.seeds()) {
        Settings settings = study.settings(variant, quick).with("seed", String.valueOf(seed));
        Interpreter.Meaning meaning = interpreter.interpret(settings);
        TrainTest images = data.apply(meaning.recipe());
        Network network = meaning.network().apply(images.train().classNames().size());
        // As it is carried out, so that it equals what a run's folder says.
        Recipe recipe =
            meaning.on().apply(images).toBuilder()
                .network(network.name())
                .precision(meaning.recipe().precisionOn(backend))
                .build();
        if (runs.isEmpty()) {
          requirePossible(recipe, network, images);
        }
        // So that the report's command for this run is one that this device takes.
        boolean insists = settings.words().containsKey(PRECISION);
        Settings possible =
            insists ? settings.with(PRECISION, RecipeJson.name(recipe.precision())) : settings;
        runs.add(new PlannedRun(variant, seed, possible, recipe, network));
      }
      return runs;
    } catch (StudyException | IllegalArgumentException e) {
      throw new StudyException(where + e.getMessage());
    } catch (ShapeException e) {
      throw new ShapeException(where + e.getMessage());
    } catch (DescriptionException e) {
      throw new DescriptionException(where + e.getMessage());
    } catch (BackendException e) {
      throw new BackendException(where + e.getMessage(), e);
    } catch (UncheckedIOException e) {
      throw new UncheckedIOException(where + e.getMessage(), e.getCause());
    }
  }

  private static void requirePossible(Recipe recipe, Network network, TrainTest data) {
    Plan plan =
        Planner.plan(
            network,
            recipe.trainingImages(Images.shape(data.train())),
            recipe.batch(),
            recipe.precision(),
            recipe.purpose());
    Images.requireClasses(plan, data.train());
    recipe.trainingSteps(plan, data.train().count());
  }

  /** The runs of a variant. */
  List<PlannedRun> runs(Study.Variant variant) {
    return runs.stream().filter(run -> run.variant().equals(variant)).toList();
  }
}
