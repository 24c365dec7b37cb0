package org.nin4j.tensor;

/** The element types that tensors are stored in. */
public enum DType {
  /** IEEE 754 single precision. */
  F32(4),
  /** The upper half of an {@link #F32}: 8 exponent bits, 7 fraction bits. */
  BF16(2),
  /** Signed 32-bit integers: labels, indices. */
  I32(4),
  /** Unsigned bytes: pixels, positions within a pooling window. */
  U8(1);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /** Size of one element in bytes. */
  public int bytes() {
    return bytes;
  }
}
