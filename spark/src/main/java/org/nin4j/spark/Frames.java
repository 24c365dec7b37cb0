package org.nin4j.spark;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.element_at;
import static org.apache.spark.sql.functions.split;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.ml.image.ImageSchema;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.nin4j.data.ImageDataset;
import org.nin4j.data.TrainTest;
import org.nin4j.data.published.AptGet;
import org.nin4j.data.published.DataLocations;
import org.nin4j.data.published.DatasetLoader;
import org.nin4j.data.published.DownloadListener;
import org.nin4j.data.published.Downloader;
import org.nin4j.data.published.PublishedDataset;
import org.nin4j.text.Text;

/** Data frames of images with columns {@code image}, {@code label} and {@code validation}. */
public final class Frames {
  private static final StructType SCHEMA =
      new StructType()
          .add("image", ImageSchema.columnSchema())
          .add("label", DataTypes.IntegerType)
          .add("validation", DataTypes.BooleanType);

  private Frames() {}

  /**
   * Images in memory, in their order, with origins such as {@code train/0}.
   *
   * @param parts how many partitions each of the two sets has
   */
  public static Dataset<Row> of(SparkSession spark, TrainTest data, int parts) {
    return frame(spark, data.train(), "train", parts)
        .union(frame(spark, data.test(), "test", parts));
  }

  private static Dataset<Row> frame(
      SparkSession spark, ImageDataset images, String set, int parts) {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < images.count(); i++) {
      rows.add(RowFactory.create(image(images, i, set), images.label(i), set.equals("test")));
    }
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    return spark.createDataFrame(context.parallelize(rows, parts), SCHEMA);
  }

  /** As the {@code image} source has it: row by row, blue, green, red. */
  private static Row image(ImageDataset images, int index, String set) {
    byte[] planes = new byte[images.imageSize()];
    images.copyImage(index, planes, 0);
    int channels = images.channels();
    int plane = images.height() * images.width();
    byte[] data = new byte[planes.length];
    for (int pixel = 0; pixel < plane; pixel++) {
      for (int c = 0; c < channels; c++) {
        data[pixel * channels + c] = planes[(channels - 1 - c) * plane + pixel];
      }
    }
    return RowFactory.create(
        set + "/" + index, images.height(), images.width(), channels, channels == 1 ? 0 : 16, data);
  }

  /**
   * A folder with {@code train/CLASS/} and {@code test/CLASS/}, wherever Hadoop reads from; encoded
   * images, and the classes' names.
   */
  public static Dataset<Row> folder(SparkSession spark, String path) {
    return spark
        .read()
        .format("binaryFile")
        .option("recursiveFileLookup", "true")
        .load(path)
        .withColumn("label", element_at(split(col("path"), "/"), -2))
        .withColumn("validation", element_at(split(col("path"), "/"), -3).equalTo("test"))
        .orderBy("path")
        .select(col("path"), col("content").as("image"), col("label"), col("validation"));
  }

  /**
   * A published data set by its name, such as {@code fashion-mnist}, got where it is not there.
   *
   * @throws IllegalArgumentException if there is none of that name
   */
  static TrainTest published(String id) {
    PublishedDataset wanted =
        PublishedDataset.all().stream()
            .filter(dataset -> dataset.id().equals(id))
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        Text.of(
                            "there is no data set %s; there are %s",
                            id,
                            String.join(
                                ", ",
                                PublishedDataset.all().stream()
                                    .map(PublishedDataset::id)
                                    .toList()))));
    return new DatasetLoader(
            DataLocations.of(
                Optional.empty(), System.getenv(), Path.of(System.getProperty("user.home"))),
            new Downloader(Duration.ofSeconds(15)),
            AptGet.on(System.getenv().getOrDefault("PATH", "")))
        .load(wanted, DownloadListener.silent());
  }
}
