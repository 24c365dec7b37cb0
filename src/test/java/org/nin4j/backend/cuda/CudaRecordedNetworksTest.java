package org.nin4j.backend.cuda;

import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.nin4j.backend.RecordedNetworks;
import org.nin4j.backend.RecordedSteps;
import org.nin4j.standin.StandIn;

/**
 * The stand-in trains every network as libtorch does, as a captured graph and step by step: ten
 * steps of each; of NiN, which is recorded in full size, two.
 */
@Tag("slow")
class CudaRecordedNetworksTest {
  @BeforeEach
  void available() {
    StandIn.assumeAvailable();
  }

  @AfterEach
  void nothingLeft() {
    StandInGpu.assertNoComplaint();
    StandInGpu.assertNothingLeft("training");
  }

  @TestFactory
  Stream<DynamicTest> asAGraph() {
    return tests(true);
  }

  @TestFactory
  Stream<DynamicTest> stepByStep() {
    return tests(false);
  }

  private static Stream<DynamicTest> tests(boolean graph) {
    DynamicTest nin =
        DynamicTest.dynamicTest(
            "nin",
            () -> {
              try (CudaBackend backend = open(graph)) {
                RecordedSteps.check(backend, RecordedSteps.MOMENTUM, 2);
              }
            });
    return Stream.concat(
        Stream.of(nin),
        RecordedNetworks.ALL.stream()
            .map(
                recorded ->
                    DynamicTest.dynamicTest(
                        recorded.name(),
                        () -> {
                          try (CudaBackend backend = open(graph)) {
                            RecordedNetworks.check(backend, recorded);
                          }
                        })));
  }

  private static CudaBackend open(boolean graph) {
    return CudaBackend.open(0, StandInGpu.options().withGraph(graph));
  }
}
