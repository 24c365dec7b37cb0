package org.nin4j.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.shapes.Shapes;
import org.nin4j.standin.StandIn;
import org.nin4j.train.Classifier;
import org.nin4j.train.ClassifierPool;
import org.nin4j.train.Prediction;
import org.nin4j.train.Trial;
import org.nin4j.train.checkpoint.Checkpoint;

/** Two lanes on one GPU, each with a context of its own in its own thread. */
class CudaClassifierPoolTest {
  @BeforeEach
  void available() {
    StandIn.assumeAvailable();
  }

  @AfterEach
  void nothingLeft() {
    StandInGpu.assertNoComplaint();
    StandInGpu.assertNothingLeft("pool");
  }

  @Test
  @Timeout(300)
  void lanesAnswerAsTheReferenceDoes() {
    Checkpoint trained = Trial.trainer(Trial.recipe().toBuilder().epochs(1).build()).train();
    ImageDataset test = Shapes.draw(3, 1, 40, 1).test();
    List<byte[]> images = new ArrayList<>();
    for (int i = 0; i < test.count(); i++) {
      byte[] image = new byte[test.imageSize()];
      test.copyImage(i, image, 0);
      images.add(image);
    }
    try (Classifier reference = new Classifier(trained, new ReferenceBackend());
        ClassifierPool pool =
            ClassifierPool.open(trained, 2, () -> CudaBackend.open(0, StandInGpu.options()))) {
      List<Prediction> expected = reference.classify(images);
      List<Prediction> actual = pool.classify(images);
      for (int i = 0; i < images.size(); i++) {
        for (int k = 0; k < expected.get(i).classes().size(); k++) {
          // fp32 sums in another order.
          assertEquals(
              expected.get(i).probabilities().get(k), actual.get(i).probabilities().get(k), 1e-5);
        }
      }
    }
  }
}
