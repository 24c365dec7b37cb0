package org.nin4j.backend.onednn.step;

import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import org.nin4j.backend.onednn.library.Buffers;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.tensor.Bfloat16;
import org.nin4j.tensor.DType;

/** Reads or writes one tensor as floats, a line of channels at a time. */
final class Lines {
  private final FloatBuffer floats;
  private final ShortBuffer shorts;
  private final short[] line;
  private final boolean bf16;

  Lines(Buffers buffers, TensorSpec tensor, int channels) {
    bf16 = tensor.type() == DType.BF16;
    floats = bf16 ? FloatBuffer.allocate(0) : buffers.floats(tensor);
    shorts = bf16 ? buffers.shorts(tensor) : ShortBuffer.allocate(0);
    line = new short[channels];
  }

  void read(int index, float[] values) {
    if (!bf16) {
      floats.get(index * values.length, values);
      return;
    }
    shorts.get(index * line.length, line);
    for (int c = 0; c < line.length; c++) {
      values[c] = Bfloat16.toFloat(line[c]);
    }
  }

  void write(int index, float[] values) {
    if (!bf16) {
      floats.put(index * values.length, values);
      return;
    }
    for (int c = 0; c < line.length; c++) {
      line[c] = Bfloat16.fromFloat(values[c]);
    }
    shorts.put(index * line.length, line);
  }
}
