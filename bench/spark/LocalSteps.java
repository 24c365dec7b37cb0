import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.nin4j.backend.Backend;
import org.nin4j.backend.choice.Devices;
import org.nin4j.data.TrainTest;
import org.nin4j.data.published.DataLocations;
import org.nin4j.data.published.DatasetLoader;
import org.nin4j.data.published.DownloadListener;
import org.nin4j.data.published.Downloader;
import org.nin4j.data.published.PublishedDataset;
import org.nin4j.model.Network;
import org.nin4j.plan.Precision;
import org.nin4j.tensor.Shape;
import org.nin4j.train.Trainer;
import org.nin4j.train.TrainingListener;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.history.History;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;
import org.nin4j.train.rounds.OneAfterTheOther;
import org.nin4j.train.rounds.RoundTask;
import org.nin4j.train.rounds.Rounds;
import org.nin4j.train.rounds.RoundsBackend;

/**
 * Accuracy against local steps: the same training on one machine, and divided among K tasks that
 * take 1, 8, 50 steps and a whole epoch in a round, without and with an outer step. All tasks are
 * computed here, one after the other: a cluster gets the same bits. {@code bench/run local-steps}
 * starts it.
 */
final class LocalSteps {
  private LocalSteps() {}

  public static void main(String[] arguments) throws IOException {
    Locale.setDefault(Locale.ROOT);
    Map<String, String> settings = new HashMap<>();
    for (String argument : arguments) {
      settings.put(argument.split("=", 2)[0], argument.split("=", 2)[1]);
    }
    int tasks = Integer.parseInt(settings.getOrDefault("tasks", "4"));
    int epochs = Integer.parseInt(settings.getOrDefault("epochs", "8"));
    int limit = Integer.parseInt(settings.getOrDefault("limit", "60000"));
    int threads = Integer.parseInt(System.getenv().getOrDefault("OMP_NUM_THREADS", "1"));
    String network = settings.getOrDefault("network", "nin");
    TrainTest all = load();
    TrainTest data =
        new TrainTest(
            all.train().first(Math.min(limit, all.train().count())),
            all.test().first(Math.min(limit, all.test().count())),
            all.origin());
    String name = Recipes.standardFits(network) ? "momentum" : Recipes.PUBLISHED;
    Recipe base = Recipes.named(settings.getOrDefault("recipe", name), network);
    Recipe recipe =
        base.toBuilder()
            .epochs(epochs)
            .size(Integer.parseInt(settings.getOrDefault("size", "" + base.size())))
            .batch(Integer.parseInt(settings.getOrDefault("batch", "" + base.batch())))
            .precision(
                Precision.valueOf(
                    settings.getOrDefault("precision", base.precision().name()).toUpperCase()))
            .seed(Long.parseLong(settings.getOrDefault("seed", "" + base.seed())))
            .build();
    Map<String, Optional<Rounds>> variants = new LinkedHashMap<>();
    variants.put("one machine", Optional.empty());
    for (String steps : settings.getOrDefault("steps", "1,8,50,epoch").split(",")) {
      int h =
          steps.equals("epoch")
              ? recipe.stepsPerEpoch(data.train().count())
              : Integer.parseInt(steps);
      variants.put("H = " + steps, Optional.of(new Rounds(tasks, h, Optional.empty())));
      if (h > 1 && Boolean.parseBoolean(settings.getOrDefault("outer", "true"))) {
        variants.put(
            "H = " + steps + ", outer",
            Optional.of(new Rounds(tasks, h, Optional.of(new Rounds.Outer(0.7f, 0.9f)))));
      }
    }
    Path csv = Path.of(settings.getOrDefault("out", "bench/records/local-steps/local-steps.csv"));
    Files.createDirectories(csv.toAbsolutePath().getParent());
    Map<String, History> histories = new LinkedHashMap<>();
    try (Backend backend = Devices.open("cpu", threads);
        PrintWriter lines = new PrintWriter(Files.newBufferedWriter(csv))) {
      System.out.printf("%s; %s; %s%n", backend.description(), data.train(), recipe);
      lines.println("variant,epoch,train_loss,test_accuracy");
      for (Map.Entry<String, Optional<Rounds>> variant : variants.entrySet()) {
        History history = train(backend, recipe, data, variant.getKey(), variant.getValue());
        histories.put(variant.getKey(), history);
        for (EpochResult r : history.epochs()) {
          lines.printf(
              "\"%s\",%d,%.6f,%.4f%n",
              variant.getKey(), r.epoch(), r.trainLoss(), r.testAccuracy());
        }
        lines.flush();
      }
    }
    System.out.printf("| K = %d | training loss | test accuracy |%n|---|---|---|%n", tasks);
    histories.forEach(
        (name, history) -> {
          EpochResult r = history.last().orElseThrow();
          System.out.printf("| %s | %.4f | %.4f |%n", name, r.trainLoss(), r.testAccuracy());
        });
    draw(
        histories,
        Path.of(settings.getOrDefault("plot", "bench/records/local-steps/local-steps.png")));
  }

  private static TrainTest load() {
    PublishedDataset fashion =
        PublishedDataset.all().stream()
            .filter(d -> d.id().equals("fashion-mnist"))
            .findFirst()
            .orElseThrow();
    return new DatasetLoader(
            DataLocations.of(
                Optional.empty(), System.getenv(), Path.of(System.getProperty("user.home"))),
            new Downloader(Duration.ofSeconds(15)))
        .load(fashion, DownloadListener.silent());
  }

  private static History train(
      Backend backend, Recipe recipe, TrainTest data, String name, Optional<Rounds> rounds) {
    TrainingListener told =
        new TrainingListener() {
          @Override
          public void epochEnded(History history) {
            EpochResult r = history.last().orElseThrow();
            System.out.printf(
                "%s: epoch %d, loss %.4f, test accuracy %.4f, %.0f images/s%n",
                name, r.epoch(), r.trainLoss(), r.testAccuracy(), r.imagesPerSecond());
          }
        };
    if (rounds.isEmpty()) {
      return new Trainer(backend, recipe, data, List.of(told)).train().history();
    }
    Network network = recipe.network(data.train().classNames().size());
    Recipe used = recipe.toBuilder().precision(recipe.precisionOn(backend)).build();
    Shape image = Shape.of(data.train().channels(), data.train().height(), data.train().width());
    try (OneAfterTheOther workers =
        new OneAfterTheOther(
            new RoundTask(backend, rounds.get(), used, network, image), rounds.get().tasks())) {
      Backend many = new RoundsBackend(backend, rounds.get(), workers);
      return new Trainer(many, used, network, data, List.of(told)).train().history();
    }
  }

  private static void draw(Map<String, History> histories, Path file) throws IOException {
    XYChart chart =
        new XYChartBuilder()
            .width(860)
            .height(560)
            .title("test accuracy against local steps")
            .xAxisTitle("epoch")
            .yAxisTitle("test accuracy")
            .build();
    chart.getStyler().setLegendPosition(LegendPosition.OutsideE);
    histories.forEach(
        (name, history) -> {
          List<Integer> epochs = new ArrayList<>();
          List<Double> accuracies = new ArrayList<>();
          for (EpochResult r : history.epochs()) {
            epochs.add(r.epoch());
            accuracies.add(r.testAccuracy());
          }
          chart.addSeries(name, epochs, accuracies);
        });
    BitmapEncoder.saveBitmap(chart, file.toString(), BitmapFormat.PNG);
    System.out.println(file);
  }
}
