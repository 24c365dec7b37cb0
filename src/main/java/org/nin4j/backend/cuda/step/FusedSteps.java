package org.nin4j.backend.cuda.step;

import java.util.List;
import java.util.stream.Stream;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.backend.cuda.kernel.KernelLibrary;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.tensor.DType;

/**
 * Several steps in one kernel: which of them this GPU has kernels for, and how these are started.
 */
public final class FusedSteps {
  /** Of NVIDIA's, where tensor cores took bf16 first. */
  private static final int LEAST_CAPABILITY = 80;

  private final Device device;
  private final KernelLibrary kernels;

  public FusedSteps(Device device, KernelLibrary kernels) {
    this.device = device;
    this.kernels = kernels;
  }

  /** The file of its kernel, without the ending. */
  public static String file(Fused.Kernel kernel) {
    return switch (kernel) {
      case POINTWISE_PAIR -> PointwisePair.FILE;
      case NIN_BLOCK_FORWARD -> FirstBlock.FILE;
      case NIN_BLOCK_BACKWARD -> FirstBlockBackward.FILE;
    };
  }

  private FusedStep step(Fused.Kernel kernel) {
    return switch (kernel) {
      case POINTWISE_PAIR -> new PointwisePair(device, kernels);
      case NIN_BLOCK_FORWARD -> new FirstBlock(device, kernels);
      case NIN_BLOCK_BACKWARD -> new FirstBlockBackward(device, kernels);
    };
  }

  /** Whether there is a kernel for that, and room for it on this GPU. */
  public boolean computes(Fused s) {
    boolean narrow =
        s.parts().stream()
            .flatMap(part -> Stream.of(part.reads(), part.writes()).flatMap(List::stream))
            .filter(t -> t.role() == Role.ACTIVATION && t.type() != DType.U8)
            .allMatch(t -> t.type() == DType.BF16);
    return device.capability() >= LEAST_CAPABILITY && narrow && step(s.kernel()).suits(s);
  }

  /** How the step is computed, where {@link #computes} says that it is. */
  Operation operation(Fused s) {
    FusedStep step = step(s.kernel());
    return new Operation() {
      @Override
      public long workspace(SampleCount count) {
        return step.workspace(s, count.scaled(s.reads().get(0).shape().dim(0)));
      }

      @Override
      public boolean readsNarrowParameters() {
        return true;
      }

      @Override
      public void bind(Assembly a) {
        step.bind(a, s);
      }
    };
  }
}
