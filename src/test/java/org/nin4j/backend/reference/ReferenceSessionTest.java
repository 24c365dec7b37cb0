package org.nin4j.backend.reference;

import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.nin4j.backend.SessionSuite;

class ReferenceSessionTest {
  @TestFactory
  Stream<DynamicTest> keepsTheContract() {
    return SessionSuite.tests(new ReferenceBackend());
  }
}
