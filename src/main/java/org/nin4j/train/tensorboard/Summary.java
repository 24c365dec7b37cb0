package org.nin4j.train.tensorboard;

import com.google.protobuf.CodedOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** What is known at one step: values under tags. */
final class Summary {
  /** The field of {@code Summary}, and those of its {@code Value}. */
  private static final int VALUE = 1;

  private static final int TAG = 1;
  private static final int SIMPLE_VALUE = 2;
  private static final int IMAGE = 4;
  private static final int HISTOGRAM = 5;

  /** Fields of {@code Image}; the colours are red, green, blue. */
  private static final int IMAGE_HEIGHT = 1;

  private static final int IMAGE_WIDTH = 2;
  private static final int COLORSPACE = 3;
  private static final int ENCODED = 4;
  private static final int RGB = 3;

  private final List<EventFile.Fields> values = new ArrayList<>();

  Summary scalar(String tag, double value) {
    return add(tag, message -> message.writeFloat(SIMPLE_VALUE, (float) value));
  }

  /** A picture as a PNG file. */
  Summary image(String tag, int width, int height, byte[] png) {
    return add(
        tag,
        message ->
            EventFile.message(
                message,
                IMAGE,
                image -> {
                  image.writeInt32(IMAGE_HEIGHT, height);
                  image.writeInt32(IMAGE_WIDTH, width);
                  image.writeInt32(COLORSPACE, RGB);
                  image.writeByteArray(ENCODED, png);
                }));
  }

  Summary histogram(String tag, Histogram histogram) {
    return add(tag, message -> EventFile.message(message, HISTOGRAM, histogram::writeTo));
  }

  private Summary add(String tag, EventFile.Fields content) {
    values.add(
        value -> {
          value.writeString(TAG, tag);
          content.to(value);
        });
    return this;
  }

  void writeTo(CodedOutputStream summary) throws IOException {
    for (EventFile.Fields value : values) {
      EventFile.message(summary, VALUE, value);
    }
  }
}
