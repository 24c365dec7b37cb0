package org.nin4j.backend.onednn;

import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.nin4j.backend.StepSuite;
import org.nin4j.tensor.DType;

class OneDnnStepsTest {
  private static final OneDnnBackend BACKEND = new OneDnnBackend(2);

  @AfterAll
  static void close() {
    BACKEND.close();
  }

  @TestFactory
  Stream<DynamicTest> everyStepInSinglePrecision() {
    return StepSuite.tests(BACKEND, DType.F32, System.nanoTime());
  }

  @TestFactory
  Stream<DynamicTest> everyStepInBfloat16() {
    return StepSuite.tests(BACKEND, DType.BF16, System.nanoTime());
  }
}
