package org.nin4j.backend.cuda;

import org.nin4j.plan.Fused;

/** Several steps that one kernel computes. */
sealed interface FusedStep permits PointwisePair, FirstBlock, FirstBlockBackward {
  /** Whether the kernel computes just these parts, and has room for it on this GPU. */
  boolean suits(Fused s);

  /** Adds its launches. */
  void bind(Assembly a, SessionMemory memory, Fused s);
}
