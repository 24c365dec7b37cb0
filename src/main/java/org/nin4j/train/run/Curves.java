package org.nin4j.train.run;

import java.awt.Color;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.lines.SeriesLines;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.nin4j.chart.ChartFile;
import org.nin4j.train.history.EpochResult;
import org.nin4j.train.history.History;

/** A run's history as a picture: loss on the left, accuracy on the right, by epoch. */
public final class Curves {
  private static final int PANEL_WIDTH = 560;
  private static final int PANEL_HEIGHT = 420;
  private static final Color TRAIN = new Color(0x1F77B4);
  private static final Color TEST = new Color(0xD62728);

  private Curves() {}

  /**
   * Writes a PNG file, which appears under its name only when it is complete.
   *
   * @param history of at least one epoch
   * @param title above both panels, such as the network and the data set
   * @throws UncheckedIOException if it cannot be written
   */
  public static void write(History history, String title, Path file) {
    XYChart loss = panel(title, "loss", LegendPosition.InsideNE);
    line(loss, "train", TRAIN, history, EpochResult::trainLoss);
    line(loss, "test", TEST, history, EpochResult::testLoss);
    loss.getStyler().setYAxisMin(0.0);
    XYChart accuracy = panel(title, "accuracy", LegendPosition.InsideSE);
    line(accuracy, "train", TRAIN, history, EpochResult::trainAccuracy);
    line(accuracy, "test", TEST, history, EpochResult::testAccuracy);
    double lowest =
        history.epochs().stream()
            .mapToDouble(r -> Math.min(r.trainAccuracy(), r.testAccuracy()))
            .min()
            .orElse(0);
    accuracy.getStyler().setYAxisMin(Math.floor(lowest * 10) / 10);
    accuracy.getStyler().setYAxisMax(1.0);
    ChartFile.write(List.of(loss, accuracy), 2, file);
  }

  private static XYChart panel(String title, String quantity, LegendPosition legend) {
    XYChart chart =
        new XYChartBuilder()
            .width(PANEL_WIDTH)
            .height(PANEL_HEIGHT)
            .title(title)
            .xAxisTitle("epoch")
            .yAxisTitle(quantity)
            .build();
    chart.getStyler().setLegendPosition(legend);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setXAxisDecimalPattern("0");
    chart.getStyler().setYAxisDecimalPattern("0.00");
    chart.getStyler().setMarkerSize(5);
    return chart;
  }

  private static void line(
      XYChart chart,
      String name,
      Color color,
      History history,
      ToDoubleFunction<EpochResult> value) {
    double[] epochs = history.epochs().stream().mapToDouble(EpochResult::epoch).toArray();
    double[] values = history.epochs().stream().mapToDouble(value).toArray();
    XYSeries line = chart.addSeries(name, epochs, values);
    line.setLineColor(color);
    line.setLineStyle(SeriesLines.SOLID);
    line.setLineWidth(2f);
    line.setMarker(SeriesMarkers.CIRCLE);
    line.setMarkerColor(color);
  }
}
