package org.nin4j.train.tensorboard;

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

  private final Message message = new Message();

  Summary scalar(String tag, double value) {
    return add(value(tag).single(SIMPLE_VALUE, (float) value));
  }

  /** A picture as a PNG file. */
  Summary image(String tag, int width, int height, byte[] png) {
    Message image =
        new Message()
            .integer(IMAGE_HEIGHT, height)
            .integer(IMAGE_WIDTH, width)
            .integer(COLORSPACE, RGB)
            .bytes(ENCODED, png);
    return add(value(tag).message(IMAGE, image));
  }

  Summary histogram(String tag, Histogram histogram) {
    return add(value(tag).message(HISTOGRAM, histogram.message()));
  }

  private static Message value(String tag) {
    return new Message().text(TAG, tag);
  }

  private Summary add(Message value) {
    message.message(VALUE, value);
    return this;
  }

  Message message() {
    return message;
  }
}
