package org.nin4j.train.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.data.Split;
import org.nin4j.model.Initialisation;
import org.nin4j.model.Window;
import org.nin4j.model.zoo.Networks;
import org.nin4j.model.zoo.NinVariant;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Learning;
import org.nin4j.plan.step.Sgd;
import org.nin4j.tensor.Shape;

class RecipeTest {
  @Test
  void d2lIsThePublishedSetUp() {
    Recipe recipe = Recipes.named("d2l");
    assertEquals(224, recipe.size());
    assertEquals(128, recipe.batch());
    assertEquals(10, recipe.epochs());
    assertEquals(Learning.by(new Sgd(0, false, 0)), recipe.learning());
    assertEquals(new Schedule.Constant(0.1f), recipe.schedule());
    assertEquals(Initialisation.XAVIER_PYTORCH_BIAS, recipe.initialisation());
    assertEquals(Precision.FP32, recipe.precision());
    assertEquals(List.of(0f), recipe.mean());
    assertEquals(List.of(1f), recipe.std());
    assertEquals(BatchSpec.Augmentation.NONE, recipe.augmentation());
    assertEquals(0, recipe.labelSmoothing());
    assertEquals(NinVariant.PUBLISHED, recipe.variant());
    // 60,000 images make 468 full batches and one of 96.
    assertEquals(469, recipe.stepsPerEpoch(60_000));
  }

  @ParameterizedTest
  @CsvSource({
    "nin, 224, 128, 0.1",
    "nin-15, 224, 128, 0.1",
    "nin-11, 224, 128, 0.05",
    "nin-16, 224, 128, 0.05",
    "nin-19, 224, 128, 0.05",
    "lenet, 28, 256, 0.9",
    "alexnet, 224, 128, 0.01",
    "vgg11, 224, 128, 0.05",
    "vgg11-quarter, 224, 128, 0.05",
    "googlenet, 96, 128, 0.1",
    "resnet18, 96, 256, 0.05",
    "densenet, 96, 256, 0.1",
  })
  void everyNetworkHasItsPublishedRecipe(String network, int size, int batch, float rate) {
    Recipe recipe = Recipes.d2l(network);
    assertEquals(network, recipe.network());
    assertEquals(size, recipe.size());
    assertEquals(batch, recipe.batch());
    assertEquals(new Schedule.Constant(rate), recipe.schedule());
    assertEquals(
        Recipes.d2l(),
        recipe.toBuilder()
            .network("nin")
            .size(224)
            .batch(128)
            .schedule(new Schedule.Constant(0.1f))
            .build());
    assertEquals(recipe, Recipes.named("d2l", network));
  }

  @Test
  void thePapersNetworkHasThePapersRecipe() {
    Recipe recipe = Recipes.published("nin-cifar");
    assertEquals(recipe, Recipes.of("nin-cifar"));
    assertEquals(recipe, Recipes.named("d2l", "nin-cifar"));
    assertEquals("nin-cifar", recipe.network());
    assertEquals("cifar-10", recipe.dataset());
    assertEquals(Preprocessing.GCN_ZCA, recipe.preprocessing());
    assertEquals(32, recipe.size());
    assertEquals(128, recipe.batch());
    assertEquals(Initialisation.GAUSSIAN, recipe.initialisation());
    assertEquals(new Sgd(0.9f, false, 1e-4f), recipe.learning().optimizer());
    assertEquals(new Learning.Factors(2, 1, 0.1f, true), recipe.learning().factors());
    // 50,000 images make 391 steps in each of 260 epochs.
    long total = 260 * 391;
    assertEquals(260, recipe.epochs());
    assertEquals(0.1f, recipe.schedule().rate(0, total));
    assertEquals(0.1f, recipe.schedule().rate(200 * 391 - 1, total));
    assertEquals(0.01f, recipe.schedule().rate(200 * 391, total), 1e-9f);
    assertEquals(0.01f, recipe.schedule().rate(230 * 391 - 1, total), 1e-9f);
    assertEquals(0.001f, recipe.schedule().rate(230 * 391, total), 1e-9f);
  }

  @Test
  void theNetworkDecidesWhereNoRecipeIsChosen() {
    assertEquals(Recipes.standard(), Recipes.of("nin"));
    assertEquals(
        Recipes.standard().toBuilder().network("nin-mini").build(), Recipes.of("nin-mini"));
    assertEquals(Recipes.d2l("resnet18"), Recipes.of("resnet18"));
    assertEquals(28, Recipes.of("one-of-my-own").size());
    for (Networks.Known known : Networks.all()) {
      Recipe recipe = Recipes.d2l(known.name());
      var nodes = known.network(10).nodes(recipe.images(Shape.of(1, 28, 28)).output());
      assertEquals(Shape.of(10), nodes.get(nodes.size() - 1).output(), known.name());
    }
  }

  @Test
  void fastIsWhatWasMeasured() {
    Recipe recipe = Recipes.named("fast");
    assertEquals(
        "{\"name\":\"fast\",\"network\":\"nin\",\"inner\":\"1x1,1x1\",\"head\":\"average\",\"reduce\":\"classes\",\"dropout\":0.0,\"dataset\":\"fashion-mnist\","
            + "\"size\":67,\"preprocess\":\"none\",\"mean\":[0.286],\"std\":[0.353],\"flip\":false,\"shift\":0,\"cutout\":0,"
            + "\"batch\":48,\"epochs\":1,\"precision\":\"bf16\",\"optimizer\":\"adam\",\"beta1\":0.9,"
            + "\"beta2\":0.99,\"epsilon\":1.0E-8,\"weight_decay\":0.0,\"bias_rate\":1.0,\"norm_rate\":1.0,"
            + "\"last_rate\":1.0,\"decay_weights_only\":false,\"clip\":0.0,\"average\":0.0,"
            + "\"schedule\":{\"kind\":\"linear\",\"rate\":0.0015,\"warm_up\":0.1},"
            + "\"initialisation\":\"identity\",\"label_smoothing\":0.0,\"seed\":1}",
        RecipeJson.write(recipe).toString());
  }

  @Test
  void bestIsWhatWasChosen() {
    Recipe recipe = Recipes.named("best");
    assertEquals(
        "{\"name\":\"best\",\"network\":\"nin\",\"inner\":\"1x1,1x1\",\"head\":\"average\",\"reduce\":\"classes\",\"dropout\":\"published\",\"dataset\":\"fashion-mnist\","
            + "\"size\":67,\"preprocess\":\"none\",\"mean\":[0.286],\"std\":[0.353],\"flip\":true,\"shift\":2,\"cutout\":0,"
            + "\"batch\":128,\"epochs\":26,\"precision\":\"bf16\",\"optimizer\":\"sgd\",\"momentum\":0.9,"
            + "\"nesterov\":true,\"weight_decay\":5.0E-4,\"bias_rate\":1.0,\"norm_rate\":1.0,"
            + "\"last_rate\":1.0,\"decay_weights_only\":false,\"clip\":0.0,\"average\":0.999,"
            + "\"schedule\":{\"kind\":\"cosine\",\"rate\":0.03,\"warm_up\":0.25},"
            + "\"initialisation\":\"identity\",\"label_smoothing\":0.05,\"seed\":1}",
        RecipeJson.write(recipe).toString());
  }

  /** Other networks have dropout of their own. */
  @Test
  void fastLeavesOtherNetworksAsTheyAre() {
    assertEquals(Optional.of(0f), Recipes.named("fast", "nin").variant().dropout());
    assertEquals(NinVariant.PUBLISHED, Recipes.named("fast", "lenet").variant());
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> DropoutShare.parse("half"));
    assertEquals(
        "dropout is 'published' or a share from 0 on and below 1, not 'half'",
        refused.getMessage());
    assertThrows(
        IllegalArgumentException.class,
        () -> NinVariant.PUBLISHED.withDropout(DropoutShare.parse("1")));
  }

  @Test
  void fewerEpochsHaveSettingsOfTheirOwn() {
    assertEquals(Recipes.standard(), Recipes.standard(Recipes.MOST_EPOCHS));
    for (int epochs = Recipes.FEWEST_EPOCHS; epochs <= Recipes.MOST_EPOCHS; epochs++) {
      assertEquals(epochs, Recipes.standard(epochs).epochs());
      assertEquals(Recipes.DEFAULT, Recipes.standard(epochs).name());
    }
    assertThrows(IllegalArgumentException.class, () -> Recipes.standard(0));
    String message =
        assertThrows(IllegalArgumentException.class, () -> Recipes.standard(6)).getMessage();
    assertEquals("the default recipe takes 1 to 5 epochs, not 6", message);
  }

  /** A configuration from before there was the initialisation {@code identity}. */
  @Test
  void olderConfigurationsAreRead() {
    var json = RecipeJson.write(Recipes.standard());
    json.addProperty("initialisation", "he-uniform");
    json.remove("cutout");
    json.remove("dropout");
    json.remove("preprocess");
    assertEquals(Preprocessing.NONE, RecipeJson.read(json).preprocessing());
    assertEquals(0, RecipeJson.read(json).augmentation().cutout());
    assertEquals(NinVariant.PUBLISHED, RecipeJson.read(json).variant());
    assertEquals(Initialisation.HE_UNIFORM, RecipeJson.read(json).initialisation());
  }

  static List<Recipe> recipes() {
    Recipe base = Recipes.standard();
    return List.of(
        base,
        Recipes.fast(),
        Recipes.d2l(),
        Recipes.paper(),
        base.toBuilder()
            .dataset("folder:/pictures")
            .split(Optional.of(new Split(1 / 3.0, Long.MIN_VALUE)))
            .limit(17)
            .validation(0.125)
            .variant(
                new NinVariant(
                    List.of(new Window(3, 1, 1), new Window(1, 1, 0)),
                    NinVariant.Head.LINEAR,
                    List.of(96, 10),
                    Optional.of(0.25f)))
            .mean(List.of(0.1f, 0.2f, 1 / 3f))
            .std(List.of(0.5f))
            .augmentation(new BatchSpec.Augmentation(true, 2, 3))
            .precision(Precision.BF16)
            .schedule(new Schedule.Linear(0.3f, 0.05f))
            .initialisation(Initialisation.PYTORCH)
            .labelSmoothing(0.1f)
            .seed(Long.MIN_VALUE)
            .build(),
        base.toBuilder()
            .variant(NinVariant.PUBLISHED.withInner(List.of()))
            .schedule(new Schedule.Steps(0.3f, 0.1f, List.of(0.3f, 0.6f)))
            .seed(Long.MAX_VALUE)
            .build());
  }

  @ParameterizedTest
  @MethodSource("recipes")
  void jsonKeepsEverything(Recipe recipe) {
    String json = RecipeJson.write(recipe).toString();
    assertEquals(recipe, RecipeJson.read(JsonParser.parseString(json).getAsJsonObject()));
  }

  @Test
  void jsonThatLacksSomethingIsRefused() {
    var json = RecipeJson.write(Recipes.standard());
    json.remove("beta1");
    String message =
        assertThrows(IllegalArgumentException.class, () -> RecipeJson.read(json)).getMessage();
    assertTrue(message.contains("beta1"), message);
  }

  @Test
  void oneMeanServesAllChannels() {
    Recipe recipe = Recipes.d2l().toBuilder().mean(List.of(0.5f)).std(List.of(0.25f)).build();
    BatchSpec images = recipe.images(Shape.of(3, 32, 32));
    assertEquals(List.of(0.5f, 0.5f, 0.5f), images.mean());
    assertEquals(List.of(0.25f, 0.25f, 0.25f), images.std());
    assertEquals(Shape.of(3, 224, 224), images.output());
  }

  @Test
  void augmentationIsForTrainingOnly() {
    BatchSpec.Augmentation shift = new BatchSpec.Augmentation(true, 2, 3);
    Recipe recipe = Recipes.d2l().toBuilder().augmentation(shift).build();
    Shape source = Shape.of(1, 28, 28);
    assertEquals(shift, recipe.trainingImages(source).augmentation());
    assertEquals(BatchSpec.Augmentation.NONE, recipe.images(source).augmentation());
  }

  @Test
  void nonsenseIsRefused() {
    Recipe.Builder builder = Recipes.d2l().toBuilder();
    assertThrows(IllegalArgumentException.class, () -> builder.batch(0).build());
    Recipe.Builder other = Recipes.d2l().toBuilder();
    assertThrows(IllegalArgumentException.class, () -> other.std(List.of(0f)).build());
    assertThrows(IllegalArgumentException.class, () -> Recipes.named("nothing"));
    Recipe unknown = Recipes.d2l().toBuilder().network("nothing").build();
    assertThrows(IllegalArgumentException.class, () -> unknown.network(10));
  }

  @ParameterizedTest
  @ValueSource(strings = {"1x1,1x1", "3x3p1", "none", "5x5p2,1x1,3x3"})
  void innerConvolutionsReadBack(String text) {
    assertEquals(text, InnerConvolutions.format(InnerConvolutions.parse(text)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"classes", "10", "96,48,10"})
  void reductionsReadBack(String text) {
    assertEquals(text, Reduction.format(Reduction.parse(text)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "10,", "ten", "1.5", "99999999999"})
  void otherReductionsAreRefused(String text) {
    assertThrows(IllegalArgumentException.class, () -> Reduction.parse(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "1x3", "1x1,", "3", "3x3s2", "0x0", "-1x-1", "3x3p"})
  void otherInnerConvolutionsAreRefused(String text) {
    assertThrows(IllegalArgumentException.class, () -> InnerConvolutions.parse(text));
  }
}
