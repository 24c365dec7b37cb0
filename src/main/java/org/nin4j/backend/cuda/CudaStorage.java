package org.nin4j.backend.cuda;

import java.util.Optional;
import org.nin4j.plan.ConvolutionBackwardFilter;
import org.nin4j.plan.Fused;
import org.nin4j.plan.LinearBackwardFilter;
import org.nin4j.plan.LinearForward;
import org.nin4j.plan.MakeBatch;
import org.nin4j.plan.Plan;
import org.nin4j.plan.ReluBiasBackward;
import org.nin4j.plan.SoftmaxCrossEntropy;
import org.nin4j.plan.Step;
import org.nin4j.plan.StorageRules;
import org.nin4j.plan.TensorSpec;
import org.nin4j.plan.TensorSpec.Role;
import org.nin4j.tensor.DType;

/**
 * Sizes of one plan's things on the device. The first step that reads parameters in bf16 holds the
 * bf16 copy of all of them, laid out like the parameters themselves at half the offsets.
 */
final class CudaStorage implements StorageRules {
  private final Plan plan;
  private final int batch;
  private final ConvolutionSearch search;
  private final Branches branches;
  private final Optional<Step> holderOfCopy;

  /**
   * @param batch samples per step that the sizes are for, as if the plan were made for so many
   * @param branches what runs beside what
   */
  CudaStorage(Plan plan, int batch, ConvolutionSearch search, Branches branches) {
    this.plan = plan;
    this.batch = batch;
    this.search = search;
    this.branches = branches;
    this.holderOfCopy = holderOfCopy(plan);
  }

  /** The step that the bf16 copy of the parameters belongs to, if the plan needs one. */
  static Optional<Step> holderOfCopy(Plan plan) {
    return plan.steps().stream().filter(Steps::readsNarrowParameters).findFirst();
  }

  /**
   * Blocks, and so partial sums, of a bias gradient over so many rows. The order of summation
   * follows from it, so it does not depend on the GPU.
   */
  static int parts(long rows) {
    return (int) Math.min(512, (rows + 63) / 64);
  }

  @Override
  public long bytes(TensorSpec tensor) {
    return tensor.role() == Role.ACTIVATION
        ? elements(tensor) * tensor.type().bytes()
        : tensor.bytes();
  }

  @Override
  public long alignment() {
    return Kernels.ALIGNMENT;
  }

  @Override
  public long resident(Step step) {
    if (step instanceof MakeBatch s) {
      return BatchTables.of(s.spec()).bytes();
    }
    if (holderOfCopy.isPresent() && holderOfCopy.get().equals(step)) {
      return plan.tensors(Role.PARAMETER).stream().mapToLong(t -> Kernels.align(t.bytes())).sum()
          / 2;
    }
    return 0;
  }

  @Override
  public long workspace(Step step) {
    long conversions =
        Steps.converted(step).stream()
            .mapToLong(t -> Kernels.align(elements(t) * Steps.type(step).bytes()))
            .sum();
    long convolution =
        Steps.convolution(step, plan.precision())
            .map(c -> c.withSamples(Math.toIntExact((long) c.samples() * batch / plan.batch())))
            .map(
                c ->
                    Kernels.align(
                        batch == plan.batch()
                            ? search.scratchBytes(c)
                            : search.estimatedScratchBytes(c)))
            .orElse(0L);
    return conversions + convolution + Kernels.align(own(step));
  }

  @Override
  public int lasts(int step) {
    return branches.lasts().get(step);
  }

  private long own(Step step) {
    if (step instanceof ConvolutionBackwardFilter s) {
      return s.biasGradient().isPresent() ? partialSums(s.outputGradient()) : 0;
    } else if (step instanceof ReluBiasBackward s) {
      return partialSums(s.outputGradient());
    } else if (step instanceof LinearBackwardFilter s) {
      return partialSums(s.outputGradient());
    } else if (step instanceof LinearForward s) {
      return Steps.type(s) == DType.BF16 ? elements(s.output()) * Float.BYTES : 0;
    } else if (step instanceof Fused s) {
      return FusedSteps.scratchBytes(s, images(s));
    } else if (step instanceof SoftmaxCrossEntropy s) {
      return 2 * Kernels.align(elements(s.labels()) * Float.BYTES);
    }
    return 0;
  }

  private long images(Fused step) {
    TensorSpec input = step.reads().get(0);
    return elements(input) / (input.shape().elements() / input.shape().dim(0));
  }

  /** Elements of an activation for this number of samples. */
  private long elements(TensorSpec activation) {
    return activation.shape().elements() / plan.batch() * batch
        + activation.shape().elements() % plan.batch();
  }

  private long partialSums(TensorSpec gradient) {
    long channels = gradient.shape().dim(1);
    return parts(elements(gradient) / channels) * channels * Float.BYTES;
  }
}
