package org.nin4j.backend.onednn;

import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.nin4j.backend.SessionSuite;

class OneDnnSessionTest {
  private final OneDnnBackend backend = new OneDnnBackend(2);

  @AfterEach
  void close() {
    backend.close();
  }

  @TestFactory
  Stream<DynamicTest> keepsTheContract() {
    return SessionSuite.tests(backend);
  }

  @Test
  void aBackendClosesTwice() {
    backend.close();
    backend.close();
  }
}
