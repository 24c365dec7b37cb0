package org.nin4j.backend;

import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.nin4j.backend.onednn.OneDnnBackend;
import org.nin4j.backend.reference.ReferenceBackend;

/** The CPU backends compute what ONNX's own test cases expect. */
class OnnxVectorsTest {
  private static final OneDnnBackend ONEDNN = new OneDnnBackend(2);

  @AfterAll
  static void close() {
    ONEDNN.close();
  }

  @TestFactory
  Stream<DynamicTest> reference() {
    return tests(new ReferenceBackend());
  }

  @TestFactory
  Stream<DynamicTest> oneDnn() {
    return tests(ONEDNN);
  }

  private static Stream<DynamicTest> tests(Backend backend) {
    return OnnxVectors.all()
        .map(c -> DynamicTest.dynamicTest(c.toString(), () -> c.check(backend)));
  }
}
