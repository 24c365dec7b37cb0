package org.nin4j.interop;

import java.nio.ByteBuffer;
import org.nin4j.tensor.Bfloat16;

/** The types of values in safetensors files, by the names they have there. */
enum ValueType {
  BOOL(1, false),
  U8(1, false),
  I8(1, false),
  F8_E5M2(1, false),
  F8_E4M3(1, false),
  I16(2, false),
  U16(2, false),
  F16(2, true),
  BF16(2, true),
  I32(4, false),
  U32(4, false),
  F32(4, true),
  F64(8, true),
  I64(8, false),
  U64(8, false);

  private final int bytes;
  private final boolean taken;

  ValueType(int bytes, boolean taken) {
    this.bytes = bytes;
    this.taken = taken;
  }

  /** Bytes of one value. */
  int bytes() {
    return bytes;
  }

  /** Whether {@link #next} reads it. */
  boolean taken() {
    return taken;
  }

  /** The next value as the nearest float; one of F64 may be too large for any. */
  float next(ByteBuffer values) {
    return switch (this) {
      case F16 -> half(values.getShort());
      case BF16 -> Bfloat16.toFloat(values.getShort());
      case F32 -> values.getFloat();
      case F64 -> (float) values.getDouble();
      default -> throw new IllegalArgumentException("parameters of type " + this + " are not read");
    };
  }

  /**
   * IEEE 754 half precision: 1 sign bit, 5 exponent bits with bias 15, 10 fraction bits. Every such
   * value is a float; the JDK has a method for it from 20 on.
   */
  static float half(short bits) {
    int sign = (bits & 0x8000) << 16;
    int exponent = bits >>> 10 & 0x1f;
    int fraction = bits & 0x3ff;
    if (exponent == 0) {
      // Fraction · 2⁻²⁴, zero too, with its sign.
      return Float.intBitsToFloat(sign | Float.floatToRawIntBits(fraction * 0x1p-24f));
    }
    int wide = exponent == 0x1f ? 0xff : exponent - 15 + 127;
    return Float.intBitsToFloat(sign | wide << 23 | fraction << 13);
  }
}
