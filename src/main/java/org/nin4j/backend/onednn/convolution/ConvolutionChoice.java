package org.nin4j.backend.onednn.convolution;

import java.util.List;
import org.nin4j.backend.CpuOptions.Convolution;
import org.nin4j.plan.step.ConvolutionStep;

/** Chooses how a convolution, or a gradient of one, is computed; the same each time it is asked. */
@FunctionalInterface
public interface ConvolutionChoice {
  /**
   * @param possible ways to compute the step, the plainest first
   */
  Convolution of(ConvolutionStep step, List<Convolution> possible);

  /** One way wherever it is possible, else the plainest. */
  static ConvolutionChoice preferring(Convolution wanted) {
    return (step, possible) -> possible.contains(wanted) ? wanted : possible.get(0);
  }
}
