package org.nin4j.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.nin4j.backend.OnnxVectors;
import org.nin4j.model.Activation;
import org.nin4j.plan.step.ActivationForward;
import org.nin4j.plan.step.ConvolutionForward;
import org.nin4j.plan.step.GlobalAvgPoolForward;
import org.nin4j.plan.step.LinearForward;
import org.nin4j.plan.step.MaxPoolForward;
import org.nin4j.plan.step.SgdUpdate;
import org.nin4j.plan.step.SoftmaxCrossEntropy;
import org.nin4j.plan.step.Step;
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
    List<OnnxVectors.Case> computed =
        cases.stream().filter(c -> computes(c.stepCase().step())).toList();
    computed.forEach(c -> c.check(backend));
    List<OnnxVectors.Case> left = cases.stream().filter(c -> !computed.contains(c)).toList();
    System.out.println("cuda has no steps yet for ONNX's " + left);
    assertTrue(computed.size() >= 14, computed.size() + " cases");
  }

  /** Kinds that the backend has. */
  private static boolean computes(Step step) {
    if (step instanceof ConvolutionForward s) {
      return s.convolution().groups() == 1 && s.bias().isPresent();
    }
    if (step instanceof MaxPoolForward s) {
      return !s.pool().ceil();
    }
    if (step instanceof ActivationForward s) {
      return s.function() == Activation.RELU;
    }
    return step instanceof GlobalAvgPoolForward
        || step instanceof LinearForward
        || step instanceof SoftmaxCrossEntropy
        || step instanceof SgdUpdate;
  }
}
