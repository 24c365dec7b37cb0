package org.nin4j.study;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.nin4j.backend.Backend;
import org.nin4j.backend.onednn.OneDnnBackend;
import org.nin4j.data.TrainTest;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.model.Network;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.train.checkpoint.Parameters;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;

class ResourcesTest {
  /** Of what is planned: pages are whole, and the Java heap may grow meanwhile. */
  private static final double SLACK = 0.2;

  @Test
  void whatIsMeasuredIsWhatWasPlanned() {
    assumeTrue(
        Files.isReadable(Path.of("/proc/self/smaps_rollup")),
        "memory is not measured: this system does not say what a process holds");
    TrainTest data = Shapes.draw(1, 256, 256, 1);
    Recipe recipe = Recipes.d2l("nin-mini").toBuilder().size(56).batch(128).build();
    Network network = recipe.network(10);
    try (Backend backend = new OneDnnBackend(2)) {
      Map<String, HostTensor> values = Parameters.draw(recipe, network, Shape.of(1, 56, 56));
      Resources.measure(backend, recipe, network, data, values);
      // What the first time has left is kept by the process, and must not hide the second.
      Resources resources = Resources.measure(backend, recipe, network, data, values);
      assertEquals(8_042, resources.parameters());
      assertTrue(resources.trainingPlanned() > 10_000_000, resources::toString);
      assertNear(resources.trainingPlanned(), resources.trainingMeasured().orElseThrow());
      assertNear(resources.predictionPlanned(), resources.predictionMeasured().orElseThrow());
    }
  }

  private static void assertNear(long planned, long measured) {
    assertTrue(
        Math.abs(measured - planned) < SLACK * planned,
        () -> measured + " bytes measured, " + planned + " planned");
  }
}
