package org.nin4j.backend.cuda.step;

import jcuda.driver.CUdeviceptr;
import org.nin4j.backend.cuda.device.Device;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.TensorSpec;

/** Steps that are computed as one. */
sealed interface FusedStep
    permits PointwisePair,
        FirstBlock,
        FirstBlockBackward,
        HeadForward,
        HeadBackward,
        DataGradientRelu,
        OnePassNorm {
  int WARP = 32;

  /** Elements between two rows in shared memory exceed a row's length by this. */
  int GAP = 8;

  /** Whether its products take activations in bf16 alone. */
  default boolean needsBfloat16() {
    return true;
  }

  /** Whether it computes just these parts, and has room for it on this GPU. */
  boolean suits(Fused s);

  /** Bytes of scratch memory for that number of samples. */
  default long workspace(Fused s, SampleCount count) {
    return 0;
  }

  /** Adds its launches. */
  void bind(Assembly a, Fused s);

  /** Where a tensor goes that not every plan stores. */
  static CUdeviceptr stored(Assembly a, Fused s, TensorSpec tensor) {
    return s.writes().contains(tensor) ? a.at(tensor) : Assembly.NONE;
  }

  static void requireRoom(Device device, int blocks, String kernel) {
    if (blocks == 0) {
      throw new IllegalStateException(device.name() + " has no room for a block of " + kernel);
    }
  }
}
