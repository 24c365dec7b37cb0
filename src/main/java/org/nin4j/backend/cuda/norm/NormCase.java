package org.nin4j.backend.cuda.norm;

import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/**
 * Everything that the graph of a batch norm in training depends on.
 *
 * @param kind which computation
 * @param type of x and everything of its shape
 * @param samples N
 * @param channels C
 * @param height H
 * @param width W
 */
public record NormCase(Kind kind, DType type, int samples, int channels, int height, int width) {
  /** The computations, by what follows the norm. */
  public enum Kind {
    /** y = weight · (x − mean) · inverse + bias, with the batch's mean and inverse deviation. */
    FORWARD,
    /** max(y, 0). */
    FORWARD_RELU,
    /** max(y + added, 0). */
    FORWARD_SUM_RELU,
    /** The gradients by x, weight and bias; behind a ReLU there is no such case. */
    BACKWARD;

    boolean isForward() {
      return switch (this) {
        case FORWARD, FORWARD_RELU, FORWARD_SUM_RELU -> true;
        case BACKWARD -> false;
      };
    }
  }

  /** cuDNN has engines for channels in eights. */
  private static final int CHANNELS = 8;

  /** That of a norm over x, an activation of two or four dimensions. */
  public static NormCase of(Kind kind, TensorSpec x) {
    Shape shape = x.shape();
    boolean hasPixels = shape.rank() == 4;
    return new NormCase(
        kind,
        x.type(),
        shape.dim(0),
        shape.dim(1),
        hasPixels ? shape.dim(2) : 1,
        hasPixels ? shape.dim(3) : 1);
  }

  /** Whether cuDNN is worth being asked. */
  boolean hasChannelsInEights() {
    return channels % CHANNELS == 0;
  }
}
