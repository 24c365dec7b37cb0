package org.nin4j.spark;

import java.io.Serializable;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.nin4j.backend.Backend;
import org.nin4j.backend.choice.Devices;
import org.nin4j.tensor.Shape;
import org.nin4j.train.Classifier;
import org.nin4j.train.Prediction;

/**
 * Answers the rows of a partition, some at a time.
 *
 * @param model as it travels
 * @param column of images
 * @param image (channels, height, width) that the model takes
 * @param outputs what is appended to each row
 * @param topK of the column of likeliest classes
 * @param batchSize rows that are read before they are answered
 * @param dropInvalid whether rows without a readable image are left out
 * @param threads of a task, on processors
 */
record Predictor(
    Broadcast<ModelFiles> model,
    ImageColumn column,
    int[] image,
    Output[] outputs,
    int topK,
    int batchSize,
    boolean dropInvalid,
    String device,
    int threads)
    implements Serializable {

  /** A column that is appended. */
  enum Output {
    PREDICTION(DataTypes.DoubleType),
    PROBABILITY(SQLDataTypes.VectorType()),
    RAW_PREDICTION(SQLDataTypes.VectorType()),
    TOP(
        DataTypes.createArrayType(
            new StructType(
                new StructField[] {
                  DataTypes.createStructField("label", DataTypes.IntegerType, false),
                  DataTypes.createStructField("name", DataTypes.StringType, false),
                  DataTypes.createStructField("probability", DataTypes.DoubleType, false)
                })));

    final DataType type;

    Output(DataType type) {
      this.type = type;
    }

    Object of(Prediction prediction, int topK) {
      double[] probabilities =
          prediction.probabilities().stream().mapToDouble(Double::doubleValue).toArray();
      return switch (this) {
        case PREDICTION -> (double) prediction.best().label();
        case PROBABILITY -> Vectors.dense(probabilities);
        case RAW_PREDICTION -> Vectors.dense(Arrays.stream(probabilities).map(Math::log).toArray());
        case TOP ->
            prediction.top(topK).stream()
                .map(a -> RowFactory.create(a.label(), a.name(), a.probability()))
                .toArray(Row[]::new);
      };
    }
  }

  /** A model on a device. */
  private record Bound(Backend backend, Classifier classifier) implements AutoCloseable {
    static Bound open(ModelFiles files, String device, int threads) {
      Backend backend = Devices.open(device, threads);
      try {
        return new Bound(backend, new Classifier(files.checkpoint(), backend));
      } catch (RuntimeException | Error e) {
        backend.close();
        throw e;
      }
    }

    @Override
    public void close() {
      classifier.close();
      backend.close();
    }
  }

  /** What lanes are told apart by. */
  private record Kind(long model, String device, int threads) {}

  Iterator<Row> answer(Iterator<Row> rows) {
    Deque<Row> answered = new ArrayDeque<>();
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        while (answered.isEmpty() && rows.hasNext()) {
          answered.addAll(answer(some(rows)));
        }
        return !answered.isEmpty();
      }

      @Override
      public Row next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        return answered.remove();
      }
    };
  }

  private List<Row> some(Iterator<Row> rows) {
    List<Row> some = new ArrayList<>();
    while (rows.hasNext() && some.size() < batchSize) {
      some.add(rows.next());
    }
    return some;
  }

  private List<Row> answer(List<Row> rows) {
    Shape shape = Shape.of(image);
    List<Optional<byte[]>> images = rows.stream().map(row -> column.pixels(row, shape)).toList();
    List<byte[]> readable = images.stream().flatMap(Optional::stream).toList();
    Iterator<Prediction> predictions = classify(readable).iterator();
    List<Row> answers = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      if (images.get(i).isPresent()) {
        answers.add(with(rows.get(i), Optional.of(predictions.next())));
      } else if (!dropInvalid) {
        answers.add(with(rows.get(i), Optional.empty()));
      }
    }
    return answers;
  }

  private List<Prediction> classify(List<byte[]> images) {
    return images.isEmpty()
        ? List.of()
        : Lanes.use(
            new Kind(model.id(), device, threads),
            Bound.class,
            () -> Bound.open(model.value(), device, threads),
            bound -> bound.classifier().classify(images));
  }

  private Row with(Row row, Optional<Prediction> prediction) {
    Object[] values = new Object[row.size() + outputs.length];
    for (int i = 0; i < row.size(); i++) {
      values[i] = row.get(i);
    }
    for (int i = 0; i < outputs.length; i++) {
      Output output = outputs[i];
      values[row.size() + i] = prediction.map(p -> output.of(p, topK)).orElse(null);
    }
    return RowFactory.create(values);
  }
}
