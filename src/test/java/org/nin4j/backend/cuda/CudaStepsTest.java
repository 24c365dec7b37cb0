package org.nin4j.backend.cuda;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.nin4j.backend.StepSuite;
import org.nin4j.tensor.DType;

class CudaStepsTest {
  private static CudaBackend backend;

  @BeforeAll
  static void open() {
    backend =
        CudaBackend.open(
            0,
            CudaOptions.STANDARD
                .withLibraries(List.of(Path.of("target/stand-in/lib")))
                .withCache(Path.of("target/test-cache")));
    System.out.println(backend.description());
  }

  @AfterAll
  static void close() {
    backend.close();
  }

  @TestFactory
  Stream<DynamicTest> f32() {
    return StepSuite.tests(backend, DType.F32, System.nanoTime());
  }

  @TestFactory
  Stream<DynamicTest> bf16() {
    return StepSuite.tests(backend, DType.BF16, System.nanoTime());
  }
}
