package org.nin4j.tensor;

/** Conversion between single precision and bfloat16. */
public final class Bfloat16 {
  private Bfloat16() {}

  /** The nearest bfloat16, ties to even; a NaN stays a NaN. */
  public static short fromFloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) ((bits >>> 16) | 0x40);
    }
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }

  public static float toFloat(short value) {
    return Float.intBitsToFloat(value << 16);
  }

  /** The value after a round trip through bfloat16. */
  public static float round(float value) {
    return toFloat(fromFloat(value));
  }
}
