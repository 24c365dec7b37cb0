package org.nin4j.study;

import java.util.Map;
import org.nin4j.backend.Backend;
import org.nin4j.backend.CpuOptions;
import org.nin4j.backend.CpuOptions.Convolution;
import org.nin4j.backend.onednn.OneDnnBackend;
import org.nin4j.data.TrainTest;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.model.Network;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.Parameters;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;

/** Measures what a small network takes, twice, and prints the second. */
final class ResourcesMain {
  private ResourcesMain() {}

  public static void main(String[] arguments) {
    TrainTest data = Shapes.draw(1, 256, 256, 1);
    Recipe recipe = Recipes.d2l("nin-mini").toBuilder().size(56).batch(128).build();
    Network network = recipe.network(10);
    try (Backend backend =
        new OneDnnBackend(CpuOptions.of(2).withConvolutions(Convolution.DIRECT))) {
      Map<String, HostTensor> values = Parameters.draw(recipe, network, Shape.of(1, 56, 56));
      Resources.measure(backend, recipe, network, data, values);
      // What the first time has left is kept by the process, and must not hide the second.
      Resources r = Resources.measure(backend, recipe, network, data, values);
      System.out.println(
          Text.of(
              "%d %d %d %d %d",
              r.parameters(),
              r.trainingPlanned(),
              r.trainingMeasured().orElse(-1),
              r.predictionPlanned(),
              r.predictionMeasured().orElse(-1)));
    }
  }
}
