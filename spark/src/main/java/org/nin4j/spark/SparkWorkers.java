package org.nin4j.spark;

import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.nin4j.backend.BackendException;
import org.nin4j.backend.Samples;
import org.nin4j.text.Text;
import org.nin4j.train.rounds.Round;
import org.nin4j.train.rounds.Workers;

/**
 * Computes the tasks of a round as those of a Spark job. Spark places them, tries them again
 * elsewhere, and starts copies of slow ones, as it does with any job: a task always returns the
 * same.
 */
final class SparkWorkers implements Workers {
  private final JavaSparkContext spark;
  private final TaskDevice.Kind kind;
  private final String title;
  private Optional<Broadcast<TaskDevice.Stored>> images = Optional.empty();

  SparkWorkers(JavaSparkContext spark, TaskDevice.Kind kind, String title) {
    this.spark = spark;
    this.kind = kind;
    this.title = title;
  }

  @Override
  public void load(Samples samples) {
    close();
    images = Optional.of(spark.broadcast(TaskDevice.Stored.of(samples)));
  }

  @Override
  public List<Round.Part> compute(Round round) {
    Broadcast<Round> told = spark.broadcast(round);
    List<Integer> numbers = IntStream.range(0, kind.tasks()).boxed().toList();
    spark.sc().setJobDescription(description(round));
    try {
      return collect(numbers, kind, images.orElseThrow(), told);
    } catch (Exception e) {
      // Scala declares nothing, so the compiler does not know that Spark throws it.
      if (e instanceof SparkException) {
        throw failed((SparkException) e);
      }
      throw e;
    } finally {
      spark.sc().setJobDescription("");
      told.destroy();
    }
  }

  /** Nothing but what the function names travels; results come by partition, so by number. */
  private List<Round.Part> collect(
      List<Integer> numbers,
      TaskDevice.Kind kind,
      Broadcast<TaskDevice.Stored> images,
      Broadcast<Round> told) {
    return spark
        .parallelize(numbers, numbers.size())
        .map(number -> SparkWorkers.compute(kind, images, told, number))
        .collect();
  }

  private static Round.Part compute(
      TaskDevice.Kind kind,
      Broadcast<TaskDevice.Stored> images,
      Broadcast<Round> told,
      int number) {
    return Lanes.use(
        kind,
        TaskDevice.class,
        () -> TaskDevice.open(kind),
        device -> device.compute(images.id(), images.value(), told.value(), number));
  }

  /** For Spark's pages. */
  private String description(Round round) {
    int first = round.firstStep() + 1;
    int last = round.firstStep() + round.steps();
    return first == last
        ? Text.of("%s: step %d", title, first)
        : Text.of("%s: steps %d to %d", title, first, last);
  }

  /** What the last try failed of, without the stack traces of all. */
  private static BackendException failed(SparkException e) {
    String reason =
        Optional.ofNullable(e.getMessage()).orElse("unknown").lines().findFirst().orElse("");
    return new BackendException("a round cannot be computed: " + reason, e);
  }

  @Override
  public void close() {
    images.ifPresent(Broadcast::destroy);
    images = Optional.empty();
  }
}
