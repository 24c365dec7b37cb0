package org.nin4j.backend.reference;

import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.nin4j.backend.StepCases;
import org.nin4j.backend.StepSuite;
import org.nin4j.tensor.DType;

/** Every case runs and writes all of its outputs (none of the poison is left). */
class ReferenceStepsTest {
  @TestFactory
  Stream<DynamicTest> everyCaseWritesEverything() {
    ReferenceBackend backend = new ReferenceBackend();
    long seed = System.nanoTime();
    return Stream.of(
            StepSuite.tests(backend, DType.F32, seed),
            StepSuite.tests(backend, StepCases.summedNorms(DType.F32, seed)),
            StepSuite.tests(backend, StepCases.foldedNorms(seed)))
        .flatMap(s -> s);
  }
}
