package org.nin4j.backend.reference;

import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.nin4j.backend.StepSuite;
import org.nin4j.tensor.DType;

/** Every case runs and writes all of its outputs (none of the poison is left). */
class ReferenceStepsTest {
  @TestFactory
  Stream<DynamicTest> everyCaseWritesEverything() {
    return StepSuite.tests(new ReferenceBackend(), DType.F32, System.nanoTime());
  }
}
