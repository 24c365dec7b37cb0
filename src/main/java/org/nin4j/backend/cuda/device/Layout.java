package org.nin4j.backend.cuda.device;

import java.nio.ByteBuffer;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.Bfloat16;
import org.nin4j.tensor.DType;
import org.nin4j.tensor.Shape;

/**
 * How a tensor's elements lie on the device: channels last, so (N, C, H, W) as (N, H, W, C) and
 * weights (O, I, h, w) as (O, h, w, I); tensors of fewer axes as they are.
 *
 * @param type of the elements
 * @param channels extent of the second axis, 1 for tensors of fewer than four axes
 * @param pixels product of the axes after it
 */
public record Layout(DType type, long channels, long pixels) {

  public static Layout of(TensorSpec tensor) {
    Shape shape = tensor.shape();
    return shape.rank() == 4
        ? new Layout(tensor.type(), shape.dim(1), (long) shape.dim(2) * shape.dim(3))
        : new Layout(tensor.type(), 1, 1);
  }

  /** Where element {@code stored} of the device's order stands in logical order. */
  int logical(long stored) {
    long image = stored / (channels * pixels);
    long within = stored % (channels * pixels);
    long pixel = within / channels;
    long channel = within % channels;
    return Math.toIntExact((image * channels + channel) * pixels + pixel);
  }

  /** Writes the elements from {@code offset} bytes on into the buffer. */
  public void store(float[] values, ByteBuffer buffer, long offset) {
    long first = offset / type.bytes();
    int count = buffer.limit() / type.bytes();
    for (int i = 0; i < count; i++) {
      float value = values[logical(first + i)];
      switch (type) {
        case F32 -> buffer.putFloat(i * Float.BYTES, value);
        case BF16 -> buffer.putShort(i * Short.BYTES, Bfloat16.fromFloat(value));
        case I32 -> buffer.putInt(i * Integer.BYTES, (int) value);
        case U8 -> buffer.put(i, (byte) value);
      }
    }
  }

  /** Reads the elements from {@code offset} bytes on out of the buffer. */
  public void load(ByteBuffer buffer, long offset, float[] values) {
    long first = offset / type.bytes();
    int count = buffer.limit() / type.bytes();
    for (int i = 0; i < count; i++) {
      values[logical(first + i)] =
          switch (type) {
            case F32 -> buffer.getFloat(i * Float.BYTES);
            case BF16 -> Bfloat16.toFloat(buffer.getShort(i * Short.BYTES));
            case I32 -> buffer.getInt(i * Integer.BYTES);
            case U8 -> buffer.get(i) & 0xff;
          };
    }
  }
}
