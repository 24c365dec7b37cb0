package org.nin4j.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.nin4j.backend.onednn.OneDnnBackend;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.model.zoo.Networks;

/** The CPU backends train every network as libtorch does. */
class RecordedNetworksTest {
  private static final OneDnnBackend ONEDNN = new OneDnnBackend(2);

  /** A ReLU that lets through what the reference holds back changes a gradient by 5e-3 at worst. */
  private static final RecordedSteps.Tolerance NIN_BN_BY_STEP =
      new RecordedSteps.Tolerance(3e-6, 2e-2, 2e-3);

  @AfterAll
  static void close() {
    ONEDNN.close();
  }

  @Test
  void everyNetworkIsRecorded() {
    Set<String> missing = new TreeSet<>(Networks.NAMES);
    missing.remove("nin");
    RecordedNetworks.ALL.forEach(c -> missing.remove(c.name()));
    assertEquals(Set.of(), missing, "to be recorded by bench/peers/libtorch/record.sh");
  }

  @TestFactory
  Stream<DynamicTest> reference() {
    Backend backend = new ReferenceBackend();
    return tests(c -> RecordedNetworks.check(backend, c));
  }

  @TestFactory
  Stream<DynamicTest> oneDnn() {
    return tests(
        c -> {
          if (c.name().equals("nin-bn")) {
            RecordedSteps.check(ONEDNN, c.name(), 2, c.tolerance());
            RecordedSteps.checkStepByStep(ONEDNN, new ReferenceBackend(), c.name(), NIN_BN_BY_STEP);
          } else {
            RecordedNetworks.check(ONEDNN, c);
          }
        });
  }

  private static Stream<DynamicTest> tests(Consumer<RecordedNetworks.Case> check) {
    return RecordedNetworks.ALL.stream()
        .map(c -> DynamicTest.dynamicTest(c.name(), () -> check.accept(c)));
  }
}
