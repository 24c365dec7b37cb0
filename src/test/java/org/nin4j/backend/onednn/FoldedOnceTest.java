package org.nin4j.backend.onednn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Epoch;
import org.nin4j.backend.RandomSamples;
import org.nin4j.backend.Session;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.model.Network;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.tensor.Shape;
import org.nin4j.train.checkpoint.Parameters;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;
import org.nin4j.train.session.SampleOrder;

/** Norms are folded in the first run only: what they were folded into must outlast it. */
class FoldedOnceTest {
  private static final Shape IMAGE = Shape.of(1, 28, 28);
  private static final int RUNS = 3;

  @ParameterizedTest
  @ValueSource(ints = {1, 4, 8})
  void laterRunsSeeWhatTheFirstHasFolded(int batch) {
    try (Backend reference = new ReferenceBackend();
        Backend oneDnn = new OneDnnBackend(1)) {
      List<float[]> expected = logits(reference, batch);
      List<float[]> actual = logits(oneDnn, batch);
      for (int run = 0; run < RUNS; run++) {
        assertArrayEquals(expected.get(run), actual.get(run), 1e-4f, "run " + run);
      }
    }
  }

  private static List<float[]> logits(Backend backend, int batch) {
    Recipe recipe = Recipes.of("lenet-bn");
    Network network = recipe.network(10);
    Plan plan =
        Planner.plan(
            network, recipe.images(IMAGE), batch, recipe.precision(), new Purpose.Inference());
    List<float[]> all = new ArrayList<>();
    try (Session session = backend.bind(backend.prepare(plan))) {
      Parameters.write(session, Parameters.draw(recipe, network, recipe.images(IMAGE).output()));
      session.load(RandomSamples.of(IMAGE, RUNS * batch, 10, 5));
      session.begin(new Epoch(0, 0, SampleOrder.inOrder(RUNS * batch, batch), new float[RUNS]));
      for (int run = 0; run < RUNS; run++) {
        session.run();
        all.add(
            session
                .read(plan.steps(SoftmaxCrossEntropy.class).findFirst().orElseThrow().logits())
                .values());
      }
    }
    return all;
  }
}
