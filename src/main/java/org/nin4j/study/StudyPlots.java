package org.nin4j.study;

import java.awt.Color;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.CategorySeries;
import org.knowm.xchart.CategorySeries.CategorySeriesRenderStyle;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.lines.SeriesLines;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.nin4j.chart.ChartFile;
import org.nin4j.train.history.EpochResult;

/** Pictures of a study: accuracy with its spread, losses by epoch, resources. */
final class StudyPlots {
  static final String ACCURACY = "accuracy.png";
  static final String LOSS = "loss.png";
  static final String RESOURCES = "resources.png";

  private static final int LEAST_WIDTH = 640;
  private static final int PANEL_WIDTH = 640;
  private static final int HEIGHT = 420;
  private static final int WIDTH_OF_A_VARIANT = 70;

  private static final int NAMES_HEIGHT = 100;

  /** Names of more letters, with gaps of two between them, do not fit side by side. */
  private static final int MOST_LEVEL_LETTERS = 70;

  private static final int GAP = 2;

  /** Where the largest is as many times the least, small ones would be nothing but a line. */
  private static final double LOGARITHMIC_FROM = 30;

  private static final List<Color> COLORS =
      List.of(
          new Color(0x1F77B4),
          new Color(0xD62728),
          new Color(0x2CA02C),
          new Color(0xFF7F0E),
          new Color(0x9467BD),
          new Color(0x8C564B),
          new Color(0xE377C2),
          new Color(0x7F7F7F));

  private StudyPlots() {}

  /**
   * Draws what there is.
   *
   * @param variants of which at least one run came to its end
   * @return the files' names
   */
  static List<String> write(String title, List<VariantResults> variants, Path folder) {
    List<VariantResults> shown = variants.stream().filter(v -> !v.trained().isEmpty()).toList();
    ChartFile.write(List.of(accuracy(title, shown)), 1, folder.resolve(ACCURACY));
    ChartFile.write(
        List.of(
            losses("train loss", shown, EpochResult::trainLoss),
            losses("test loss", shown, EpochResult::testLoss)),
        2,
        folder.resolve(LOSS));
    ChartFile.write(
        List.of(
            bars("parameters", "millions", shown, List.of("parameters"), v -> count(v, 1e6)),
            bars(
                "multiply-adds, one image, forward",
                "millions",
                shown,
                List.of("multiply-adds"),
                v -> work(v, 1e6)),
            bars(
                "memory for one batch",
                "MB",
                shown,
                List.of(
                    "training, planned",
                    "training, measured",
                    "prediction, planned",
                    "prediction, measured"),
                StudyPlots::memory),
            bars("speed", "images/s", shown, List.of("training", "prediction"), v -> speed(v))),
        2,
        folder.resolve(RESOURCES));
    return List.of(ACCURACY, LOSS, RESOURCES);
  }

  private static List<Optional<Double>> count(VariantResults v, double unit) {
    return List.of(v.resources().map(r -> r.parameters() / unit));
  }

  private static List<Optional<Double>> work(VariantResults v, double unit) {
    return List.of(v.resources().map(r -> r.multiplyAdds() / unit));
  }

  private static List<Optional<Double>> memory(VariantResults v) {
    return List.of(
        v.resources().map(r -> r.trainingPlanned() / 1e6),
        megabytes(v.measured(Resources::trainingMeasured)),
        v.resources().map(r -> r.predictionPlanned() / 1e6),
        megabytes(v.measured(Resources::predictionMeasured)));
  }

  private static Optional<Double> megabytes(OptionalLong bytes) {
    return bytes.isPresent() ? Optional.of(bytes.getAsLong() / 1e6) : Optional.empty();
  }

  private static List<Optional<Double>> speed(VariantResults v) {
    return List.of(v.trainedPerSecond(), v.predictedPerSecond());
  }

  /** Mean and standard deviation over the seeds, and what is published. */
  private static CategoryChart accuracy(String title, List<VariantResults> variants) {
    CategoryChart chart = categories(title, "test accuracy", variants);
    chart.getStyler().setDefaultSeriesRenderStyle(CategorySeriesRenderStyle.Scatter);
    chart.getStyler().setMarkerSize(9);
    // Each dot above its name, not beside the others.
    chart.getStyler().setOverlapped(true);
    chart.getStyler().setYAxisDecimalPattern("0.00");
    List<Double> means = new ArrayList<>();
    List<Double> deviations = new ArrayList<>();
    double least = 1;
    for (VariantResults v : variants) {
      List<Double> values = v.last(EpochResult::testAccuracy);
      means.add(Numbers.mean(values));
      deviations.add(Numbers.deviation(values));
      least = Math.min(least, Numbers.mean(values) - Numbers.deviation(values));
    }
    List<String> names = variants.stream().map(VariantResults::name).toList();
    int most = variants.stream().mapToInt(v -> v.variant().published().size()).max().orElse(0);
    for (int i = 0; i < most; i++) {
      List<Double> published = new ArrayList<>();
      for (VariantResults v : variants) {
        List<Study.Published> figures = v.variant().published();
        published.add(i < figures.size() ? figures.get(i).testAccuracy() : null);
        least = Math.min(least, i < figures.size() ? figures.get(i).testAccuracy() : 1);
      }
      dots(chart.addSeries("published " + (i + 1), names, published), 7, SeriesMarkers.DIAMOND)
          .setShowInLegend(i == 0)
          .setLabel("published");
    }
    dots(
        chart.addSeries("mean ± sd over seeds", names, means, deviations), 0, SeriesMarkers.CIRCLE);
    chart.getStyler().setYAxisMin(Math.max(0, Math.floor(least * 20 - 0.2) / 20));
    chart.getStyler().setYAxisMax(1.0);
    return chart;
  }

  private static CategorySeries dots(CategorySeries series, int color, Marker marker) {
    series.setLineStyle(SeriesLines.NONE);
    series.setMarker(marker);
    series.setMarkerColor(COLORS.get(color));
    series.setLineColor(COLORS.get(color));
    return series;
  }

  /** A line for each variant, the mean over its seeds. */
  private static XYChart losses(
      String quantity, List<VariantResults> variants, ToDoubleFunction<EpochResult> value) {
    XYChart chart =
        new XYChartBuilder()
            .width(PANEL_WIDTH)
            .height(HEIGHT)
            .title(quantity + ", mean over seeds")
            .xAxisTitle("epoch")
            .yAxisTitle(quantity)
            .build();
    Styler styler = chart.getStyler();
    styler.setLegendPosition(LegendPosition.OutsideE);
    styler.setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setYAxisMin(0.0);
    chart.getStyler().setXAxisDecimalPattern("0");
    chart.getStyler().setYAxisDecimalPattern("0.00");
    chart.getStyler().setMarkerSize(5);
    for (int i = 0; i < variants.size(); i++) {
      VariantResults v = variants.get(i);
      int epochs = v.epochs();
      double[] x = IntStream.rangeClosed(1, epochs).asDoubleStream().toArray();
      double[] y =
          IntStream.rangeClosed(1, epochs)
              .mapToDouble(epoch -> v.mean(epoch, value).orElseThrow())
              .toArray();
      XYSeries line = chart.addSeries(v.name(), x, y);
      line.setLineColor(COLORS.get(i % COLORS.size()));
      line.setMarkerColor(COLORS.get(i % COLORS.size()));
      line.setLineStyle(i < COLORS.size() ? SeriesLines.SOLID : SeriesLines.DASH_DASH);
      line.setMarker(SeriesMarkers.CIRCLE);
      line.setLineWidth(2f);
    }
    return chart;
  }

  private static CategoryChart bars(
      String title,
      String unit,
      List<VariantResults> variants,
      List<String> series,
      Function<VariantResults, List<Optional<Double>>> values) {
    CategoryChart chart = categories(title, unit, variants);
    List<String> names = variants.stream().map(VariantResults::name).toList();
    double least = Double.POSITIVE_INFINITY;
    double most = 0;
    for (int i = 0; i < series.size(); i++) {
      List<Double> heights = new ArrayList<>();
      for (VariantResults v : variants) {
        Optional<Double> height = values.apply(v).get(i).filter(h -> h > 0);
        heights.add(height.orElse(null));
        least = Math.min(least, height.orElse(least));
        most = Math.max(most, height.orElse(most));
      }
      if (heights.stream().anyMatch(h -> h != null)) {
        chart.addSeries(series.get(i), names, heights).setFillColor(COLORS.get(i));
      }
    }
    chart.getStyler().setLegendVisible(series.size() > 1);
    chart.getStyler().setYAxisDecimalPattern("#,##0.###");
    if (most > LOGARITHMIC_FROM * least) {
      chart.getStyler().setYAxisLogarithmic(true);
      chart.getStyler().setYAxisMin(Math.pow(10, Math.floor(Math.log10(least / 2))));
    } else {
      chart.getStyler().setYAxisMin(0.0);
    }
    return chart;
  }

  private static CategoryChart categories(
      String title, String quantity, List<VariantResults> variants) {
    int letters = variants.stream().mapToInt(v -> v.name().length() + GAP).sum();
    boolean sloping = letters > MOST_LEVEL_LETTERS;
    int width = Math.max(LEAST_WIDTH, WIDTH_OF_A_VARIANT * variants.size());
    CategoryChart chart =
        new CategoryChartBuilder()
            .width(width)
            .height(sloping ? HEIGHT + NAMES_HEIGHT : HEIGHT)
            .title(title)
            .yAxisTitle(quantity)
            .build();
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setLegendPosition(LegendPosition.OutsideS);
    if (width > LEAST_WIDTH) {
      chart.getStyler().setLegendLayout(Styler.LegendLayout.Horizontal);
    }
    if (sloping) {
      chart.getStyler().setXAxisLabelRotation(45);
    }
    return chart;
  }
}
