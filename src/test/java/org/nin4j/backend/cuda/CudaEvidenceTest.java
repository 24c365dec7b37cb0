package org.nin4j.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.nin4j.backend.CudaOptions;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.plan.Precision;
import org.nin4j.standin.StandIn;
import org.nin4j.tensor.HostTensor;
import org.nin4j.train.Classifier;
import org.nin4j.train.Evidence;
import org.nin4j.train.FeatureMaps;
import org.nin4j.train.Trial;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.recipe.Recipe;

/** What is kept to be looked at is stored, whatever kernels are put together. */
class CudaEvidenceTest {
  @BeforeEach
  void available() {
    StandIn.assumeAvailable();
  }

  @AfterEach
  void nothingLeft() {
    StandInGpu.assertNoComplaint();
    StandInGpu.assertNothingLeft("evidence");
  }

  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"FP32", "BF16"})
  void aMapsMeanIsTheScore(Precision precision) {
    Recipe recipe = Trial.recipe().toBuilder().epochs(1).precision(precision).build();
    Checkpoint trained = Trial.trainer(recipe).train();
    byte[] image = new byte[28 * 28];
    Shapes.draw(3, 1, 1, 1).test().copyImage(0, image, 0);
    // bf16 has 8 bits, and rounds a few times on the way.
    double within = precision == Precision.FP32 ? 1e-5 : 0.03;
    try (ReferenceBackend reference = new ReferenceBackend();
        CudaBackend backend =
            CudaBackend.open(0, StandInGpu.options().withFusions(CudaOptions.Fusions.ALWAYS));
        Classifier expected = new Classifier(trained, reference);
        Classifier classifier = new Classifier(trained, backend)) {
      Evidence evidence = classifier.evidence(image);
      HostTensor maps = expected.evidence(image).maps();
      for (int i = 0; i < maps.values().length; i++) {
        assertEquals(maps.values()[i], evidence.maps().values()[i], within);
      }
      for (int label = 0; label < 10; label++) {
        float[] map = evidence.map(label).values();
        double sum = 0;
        for (float value : map) {
          sum += value;
        }
        assertEquals(evidence.scores().get(label), sum / map.length, 1e-5);
      }
      assertEquals(
          List.of("1", "5"),
          classifier.featureMaps(image).stream().map(FeatureMaps::layer).toList());
    }
  }
}
