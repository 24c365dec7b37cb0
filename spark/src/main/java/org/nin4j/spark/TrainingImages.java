package org.nin4j.spark;

import java.io.ByteArrayOutputStream;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructType;
import org.nin4j.data.DataException;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.data.picture.Picture;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * Reads a data frame's images on the executors and brings them to the driver as bytes, in the
 * frame's order: what fits into one machine's memory, as a training on one machine has it.
 *
 * @param images the column of images
 * @param label the column of labels: numbers from 0 on, or names
 * @param validation the column that is true for test images
 */
record TrainingImages(ImageColumn images, String label, String validation) implements Serializable {
  private static final int MOST_CLASSES = 256;

  /** What a partition's images are like. */
  private record Sizes(long count, int least, int most, int leastWidth, int mostWidth, boolean grey)
      implements Serializable {
    static final Sizes NONE = new Sizes(0, Integer.MAX_VALUE, 0, Integer.MAX_VALUE, 0, true);

    Sizes with(Picture picture) {
      return and(
          new Sizes(
              1,
              picture.height(),
              picture.height(),
              picture.width(),
              picture.width(),
              picture.isGrey()));
    }

    Sizes and(Sizes other) {
      return new Sizes(
          count + other.count,
          Math.min(least, other.least),
          Math.max(most, other.most),
          Math.min(leastWidth, other.leastWidth),
          Math.max(mostWidth, other.mostWidth),
          grey && other.grey);
    }

    boolean areOne() {
      return least == most && leastWidth == mostWidth;
    }
  }

  /**
   * A partition's images of both sets; a problem with a label is told where the driver hears it.
   */
  private record Part(
      byte[] pixels, byte[] labels, byte[] testPixels, byte[] testLabels, int bad, String problem)
      implements Serializable {}

  /**
   * @throws IllegalArgumentException if a column is missing, or of another type
   */
  static TrainingImages of(StructType schema, String images, String label, String validation) {
    ImageColumn column = ImageColumn.of(schema, images);
    DataType labels = type(schema, label, "labels");
    if (!(labels instanceof NumericType) && !(labels instanceof StringType)) {
      throw new IllegalArgumentException(
          Text.of(
              "column %s is %s; labels are numbers from 0 on, or names",
              label, labels.simpleString()));
    }
    if (!(type(schema, validation, "what is for testing") instanceof BooleanType)) {
      throw new IllegalArgumentException(
          Text.of(
              "column %s is %s; what is for testing is true or false",
              validation, schema.apply(validation).dataType().simpleString()));
    }
    return new TrainingImages(column, label, validation);
  }

  private static DataType type(StructType schema, String column, String what) {
    if (!Arrays.asList(schema.fieldNames()).contains(column)) {
      throw new IllegalArgumentException(
          Text.of(
              "there is no column %s for %s; there are %s",
              column, what, String.join(", ", schema.fieldNames())));
    }
    return schema.apply(column).dataType();
  }

  /**
   * @param name the data's
   * @param given (channels, height, width) to bring images to; empty to find out: of images that
   *     are all of one size that size, else squares
   * @param side of those squares
   * @param classes their names by label; empty for those that there are
   * @param remarks receives a line where rows are left out
   * @throws DataException if there is nothing to train or to test with, or a label is none
   */
  TrainTest collect(
      Dataset<Row> frame,
      String name,
      Optional<Shape> given,
      int side,
      List<String> classes,
      Consumer<String> remarks) {
    JavaRDD<Row> rows =
        frame.select(frame.col(images.name()), frame.col(label), frame.col(validation)).toJavaRDD();
    List<String> names = classes.isEmpty() ? names(frame) : classes;
    Shape shape = given.orElseGet(() -> shape(rows, side));
    boolean named = frame.schema().apply(label).dataType() instanceof StringType;
    List<String> known = List.copyOf(names);
    List<Integer> dims = shape.dims();
    List<Part> parts =
        rows.mapPartitions(some -> List.of(part(some, dims, named, known)).iterator()).collect();
    parts.stream()
        .map(Part::problem)
        .filter(problem -> !problem.isEmpty())
        .findFirst()
        .ifPresent(
            problem -> {
              throw new DataException(problem);
            });
    int bad = parts.stream().mapToInt(Part::bad).sum();
    if (bad > 0) {
      remarks.accept(Text.of("%d rows without a readable image or a label are left out", bad));
    }
    ImageDataset train =
        joined(name, names, shape, parts.stream().map(p -> List.of(p.pixels, p.labels)).toList());
    ImageDataset test =
        joined(
            name,
            names,
            shape,
            parts.stream().map(p -> List.of(p.testPixels, p.testLabels)).toList());
    return new TrainTest(train, test, "a data frame");
  }

  /** Distinct names in order; for numbers, all up to the largest. */
  private List<String> names(Dataset<Row> frame) {
    TreeSet<String> names = new TreeSet<>();
    int largest = -1;
    for (Row row :
        frame.select(label).where(frame.col(label).isNotNull()).distinct().collectAsList()) {
      if (row.get(0) instanceof Number number) {
        largest = Math.max(largest, requireLabel(number.doubleValue(), MOST_CLASSES));
      } else {
        names.add(row.getString(0));
      }
    }
    for (int i = 0; i <= largest; i++) {
      names.add(Text.of("%03d", i));
    }
    List<String> found =
        largest < 0
            ? List.copyOf(names)
            : names.stream().map(n -> "" + Integer.parseInt(n)).toList();
    if (found.isEmpty() || found.size() > MOST_CLASSES) {
      throw new DataException(
          Text.of(
              "column %s names %d classes; there are 1 to %d", label, found.size(), MOST_CLASSES));
    }
    return found;
  }

  private int requireLabel(double label, int classes) {
    if (label != Math.rint(label) || label < 0 || label >= classes) {
      throw new DataException(
          Text.of(
              "column %s holds %s; labels are whole numbers from 0 to %d",
              this.label, label, classes - 1));
    }
    return (int) label;
  }

  private Shape shape(JavaRDD<Row> rows, int side) {
    if (images.kind() == ImageColumn.Kind.VECTOR) {
      throw new IllegalArgumentException(
          "vectors do not say what an image is: set imageShape to its channels, height and width");
    }
    Sizes sizes =
        rows.map(row -> images.picture(row).map(Sizes.NONE::with).orElse(Sizes.NONE))
            .fold(Sizes.NONE, Sizes::and);
    if (sizes.count() == 0) {
      throw noImages();
    }
    int channels = sizes.grey() ? 1 : 3;
    return sizes.areOne()
        ? Shape.of(channels, sizes.most(), sizes.mostWidth())
        : Shape.of(channels, side, side);
  }

  private DataException noImages() {
    return new DataException(Text.of("column %s holds no image that can be read", images.name()));
  }

  private Part part(Iterator<Row> rows, List<Integer> dims, boolean named, List<String> names) {
    Shape shape = new Shape(dims);
    ByteArrayOutputStream[] sets = new ByteArrayOutputStream[4];
    Arrays.setAll(sets, i -> new ByteArrayOutputStream());
    int bad = 0;
    String problem = "";
    while (rows.hasNext()) {
      Row row = rows.next();
      Optional<byte[]> pixels = images.pixels(row, shape);
      int at = row.fieldIndex(label);
      if (pixels.isEmpty() || row.isNullAt(at)) {
        bad++;
        continue;
      }
      int number;
      try {
        number = number(row, at, named, names);
      } catch (DataException e) {
        problem = e.getMessage();
        break;
      }
      boolean test = !row.isNullAt(row.fieldIndex(validation)) && row.<Boolean>getAs(validation);
      sets[test ? 2 : 0].writeBytes(pixels.get());
      sets[test ? 3 : 1].write(number);
    }
    return new Part(
        sets[0].toByteArray(),
        sets[1].toByteArray(),
        sets[2].toByteArray(),
        sets[3].toByteArray(),
        bad,
        problem);
  }

  private int number(Row row, int at, boolean named, List<String> names) {
    if (!named) {
      return requireLabel(row.<Number>getAs(at).doubleValue(), names.size());
    }
    int number = names.indexOf(row.getString(at));
    if (number < 0) {
      throw new DataException(
          Text.of(
              "column %s holds %s, which is none of the classes %s",
              label, row.getString(at), String.join(", ", names)));
    }
    return number;
  }

  private ImageDataset joined(
      String name, List<String> names, Shape shape, List<List<byte[]>> parts) {
    byte[] pixels = join(parts.stream().map(p -> p.get(0)).toList());
    byte[] labels = join(parts.stream().map(p -> p.get(1)).toList());
    return new ImageDataset(name, names, shape.dim(0), shape.dim(1), shape.dim(2), pixels, labels);
  }

  private byte[] join(List<byte[]> parts) {
    long all = parts.stream().mapToLong(part -> part.length).sum();
    if (all == 0) {
      throw new DataException(
          Text.of(
              "column %s holds no readable image to %s",
              images.name(), "train or to test with; " + validation + " says which"));
    }
    if (all > Integer.MAX_VALUE - 8) {
      throw new DataException(Text.of("images take %d bytes; 2 GiB at most are trained on", all));
    }
    byte[] joined = new byte[(int) all];
    int at = 0;
    for (byte[] part : new ArrayList<>(parts)) {
      System.arraycopy(part, 0, joined, at, part.length);
      at += part.length;
    }
    return joined;
  }
}
