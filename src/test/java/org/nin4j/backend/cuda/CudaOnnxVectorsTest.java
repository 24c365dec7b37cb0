package org.nin4j.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.nin4j.backend.OnnxVectors;
import org.nin4j.standin.StandIn;

/** ONNX's own test cases on the stand-in. */
class CudaOnnxVectorsTest {
  private CudaBackend backend;

  @BeforeEach
  void open() {
    StandIn.assumeAvailable();
    backend = StandInGpu.open();
  }

  @AfterEach
  void close() {
    backend.close();
    StandInGpu.assertNoComplaint();
    StandInGpu.assertNothingLeft("ONNX's cases");
  }

  @Test
  void computesWhatTheyExpect() {
    List<OnnxVectors.Case> cases = OnnxVectors.all().toList();
    cases.forEach(c -> c.check(backend));
    assertTrue(cases.size() >= 39, cases.size() + " cases");
  }
}
