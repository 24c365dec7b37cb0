package org.nin4j.spark;

import java.io.Serializable;
import java.util.Arrays;
import java.util.Optional;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.nin4j.data.DataException;
import org.nin4j.data.picture.ImageFile;
import org.nin4j.data.picture.Picture;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * A column of images: the structs of Spark's {@code image} source, encoded pictures such as {@code
 * content} of its {@code binaryFile} source, or vectors of pixels from 0 to 255 in the order
 * [channels, height, width].
 *
 * @param name the column's
 * @param kind how an image is stored in it
 */
record ImageColumn(String name, Kind kind) implements Serializable {
  enum Kind {
    IMAGE,
    ENCODED,
    VECTOR
  }

  /** OpenCV's numbers of 8-bit types with 1, 3 and 4 channels. */
  private static final int[] BYTES = {0, 16, 24};

  /**
   * @throws IllegalArgumentException if there is no such column, or it holds no images
   */
  static ImageColumn of(StructType schema, String name) {
    if (!Arrays.asList(schema.fieldNames()).contains(name)) {
      throw new IllegalArgumentException(
          Text.of(
              "there is no column %s of images; there are %s",
              name, String.join(", ", schema.fieldNames())));
    }
    DataType type = schema.apply(name).dataType();
    if (type.equals(DataTypes.BinaryType)) {
      return new ImageColumn(name, Kind.ENCODED);
    }
    if (type.equals(SQLDataTypes.VectorType())) {
      return new ImageColumn(name, Kind.VECTOR);
    }
    if (type instanceof StructType struct
        && Arrays.asList(struct.fieldNames())
            .containsAll(Arrays.asList("height", "width", "nChannels", "mode", "data"))) {
      return new ImageColumn(name, Kind.IMAGE);
    }
    throw new IllegalArgumentException(
        Text.of(
            "column %s is %s; images are structs of the image source, binary, or vectors of pixels",
            name, type.simpleString()));
  }

  /**
   * The pixels of a row's image, brought to a shape as pictures in folders are.
   *
   * @return empty if there is no image that can be read
   */
  Optional<byte[]> pixels(Row row, Shape shape) {
    if (kind == Kind.VECTOR) {
      int at = row.fieldIndex(name);
      return row.isNullAt(at) ? Optional.empty() : pixels(row.<Vector>getAs(at), shape);
    }
    return picture(row).map(picture -> picture.pixels(shape, Picture.Fit.CROP));
  }

  private static Optional<byte[]> pixels(Vector vector, Shape shape) {
    double[] values = vector.toArray();
    if (values.length != shape.elements()) {
      return Optional.empty();
    }
    byte[] pixels = new byte[values.length];
    for (int i = 0; i < pixels.length; i++) {
      if (!(values[i] >= 0 && values[i] <= 255)) {
        return Optional.empty();
      }
      pixels[i] = (byte) Math.round(values[i]);
    }
    return Optional.of(pixels);
  }

  /** The picture of a row, empty if it cannot be read; vectors are none. */
  Optional<Picture> picture(Row row) {
    int at = row.fieldIndex(name);
    if (row.isNullAt(at)) {
      return Optional.empty();
    }
    return switch (kind) {
      case IMAGE -> decoded(row.getStruct(at));
      case ENCODED -> encoded(row.getAs(at));
      case VECTOR -> throw new IllegalArgumentException(name + " holds vectors, not pictures");
    };
  }

  private static Optional<Picture> encoded(byte[] bytes) {
    try {
      return Optional.of(ImageFile.read(bytes, "the image"));
    } catch (DataException e) {
      return Optional.empty();
    }
  }

  /** Row by row, blue, green, red and perhaps opacity of each pixel; height −1 if it is none. */
  private static Optional<Picture> decoded(Row image) {
    int height = image.<Integer>getAs("height");
    int width = image.<Integer>getAs("width");
    int channels = image.<Integer>getAs("nChannels");
    int mode = image.<Integer>getAs("mode");
    byte[] data = image.getAs("data");
    boolean whole =
        height > 0
            && width > 0
            && data != null
            && data.length == (long) channels * height * width
            && Arrays.stream(BYTES).anyMatch(known -> known == mode);
    if (!whole || channels != 1 && channels != 3 && channels != 4) {
      return Optional.empty();
    }
    if (channels == 1) {
      return Optional.of(new Picture(1, height, width, data));
    }
    int plane = height * width;
    byte[] planes = new byte[3 * plane];
    for (int pixel = 0; pixel < plane; pixel++) {
      int opacity = channels == 4 ? data[pixel * 4 + 3] & 0xff : 255;
      for (int c = 0; c < 3; c++) {
        int value = data[pixel * channels + 2 - c] & 0xff;
        planes[c * plane + pixel] = (byte) ((value * opacity + 127) / 255);
      }
    }
    return Optional.of(new Picture(3, height, width, planes));
  }
}
