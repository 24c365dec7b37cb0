package org.nin4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.model.Dropout;
import org.nin4j.model.Flatten;
import org.nin4j.model.GlobalAvgPool2d;
import org.nin4j.model.Initialisation;
import org.nin4j.model.MaxPool2d;
import org.nin4j.model.Network;
import org.nin4j.model.NinBlock;
import org.nin4j.model.Sequential;
import org.nin4j.plan.step.Sgd;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;
import org.nin4j.train.recipe.Schedule;

/** A small Network in Network on the reference backend, so with the same bits everywhere. */
class LiveClassesTest {
  private static final Network NETWORK =
      new Network(
          "small-nin",
          Sequential.of(
              NinBlock.of(24, 5, 2, 0),
              new MaxPool2d(3, 2),
              NinBlock.of(32, 3, 1, 1),
              new MaxPool2d(3, 2),
              new Dropout(0.5f),
              NinBlock.of(Shapes.CLASS_NAMES.size(), 3, 1, 1),
              new GlobalAvgPool2d(),
              new Flatten()));

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void identityKeepsAliveTheClassesThatHeLoses(long seed) {
    assertEquals(0, deadClasses(Initialisation.IDENTITY, seed));
    int lost = deadClasses(Initialisation.HE_UNIFORM, seed);
    assertTrue(lost >= 2, () -> lost + " classes lost: the setting is too gentle to show anything");
  }

  private static int deadClasses(Initialisation initialisation, long seed) {
    Recipe recipe =
        Recipes.d2l().toBuilder()
            .network(NETWORK.name())
            .dataset(Shapes.ID)
            .size(20)
            .batch(16)
            .epochs(2)
            .optimizer(new Sgd(0.9f, true, 5e-4f))
            .schedule(new Schedule.Linear(0.02f, 0.1f))
            .initialisation(initialisation)
            .seed(seed)
            .build();
    return new Trainer(
            new ReferenceBackend(), recipe, NETWORK, Shapes.draw(1, 320, 64, 1), List.of())
        .train()
        .history()
        .last()
        .orElseThrow()
        .deadClasses();
  }
}
