package org.nin4j.bench;

import java.awt.Color;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.function.ToIntFunction;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.XYSeries.XYSeriesRenderStyle;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.lines.SeriesLines;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.nin4j.bench.Scaling.Point;

/**
 * Speed, memory and start-up side by side, each against the same thing; each doubling goes equally
 * far, but for image sizes.
 *
 * @param axis what lies to the right
 * @param doubling whether it doubles, too
 * @param right a point's place
 */
record ScalingPlot(String axis, boolean doubling, ToIntFunction<Point> right) {
  static final ScalingPlot BATCH = new ScalingPlot("batch", true, Point::batch);
  static final ScalingPlot SIZE = new ScalingPlot("image side, pixels", false, Point::pixels);

  private static final int PANEL_WIDTH = 440;
  private static final int PANEL_HEIGHT = 460;
  private static final int TICK_SPACING = 45;
  private static final List<Color> COLORS =
      List.of(new Color(0x1F77B4), new Color(0xD62728), new Color(0x2CA02C), new Color(0xFF7F0E));

  /** Writes a PNG file of measured points. */
  void write(List<Point> points, Path file) throws IOException {
    XYChart speed = panel("speed", "images/s");
    XYChart memory = panel("memory: plan (lines), taken (dots)", "GB");
    XYChart start = panel("start-up to the end of the first step", "s");
    List<String> series = points.stream().map(Point::series).distinct().toList();
    for (int i = 0; i < series.size(); i++) {
      String name = series.get(i);
      Color color = COLORS.get(i % COLORS.size());
      List<Point> own = points.stream().filter(p -> p.series().equals(name)).toList();
      line(speed, name, color, own, Point::imagesPerSecond);
      line(memory, name, color, own, p -> p.result().plannedBytes() / 1e9)
          .setMarker(SeriesMarkers.NONE);
      XYSeries taken =
          line(memory, name + ", taken", color, own, p -> p.result().takenBytes() / 1e9);
      taken.setXYSeriesRenderStyle(XYSeriesRenderStyle.Scatter);
      taken.setShowInLegend(false);
      line(start, name, color, own, p -> p.result().startSeconds());
    }
    List.of(speed, memory, start).forEach(ScalingPlot::wholePowers);
    try (OutputStream stream = Files.newOutputStream(file)) {
      BitmapEncoder.saveBitmap(List.of(speed, memory, start), 1, 3, stream, BitmapFormat.PNG);
    }
  }

  private XYChart panel(String title, String unit) {
    XYChart chart =
        new XYChartBuilder()
            .width(PANEL_WIDTH)
            .height(PANEL_HEIGHT)
            .title(title)
            .xAxisTitle(axis)
            .yAxisTitle(unit)
            .build();
    chart.getStyler().setLegendPosition(LegendPosition.OutsideS);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setXAxisDecimalPattern("0");
    chart.getStyler().setMarkerSize(7);
    chart.getStyler().setYAxisTickMarkSpacingHint(TICK_SPACING);
    chart.setCustomYAxisTickLabelsFormatter(ScalingPlot::power);
    if (doubling) {
      chart.getStyler().setXAxisTickMarkSpacingHint(TICK_SPACING);
      chart.setCustomXAxisTickLabelsFormatter(ScalingPlot::power);
    }
    return chart;
  }

  /** The axis upwards begins and ends where a tick is. */
  private static void wholePowers(XYChart chart) {
    double[] all =
        chart.getSeriesMap().values().stream()
            .flatMapToDouble(s -> Arrays.stream(s.getYData()))
            .toArray();
    chart.getStyler().setYAxisMin(Math.floor(Arrays.stream(all).min().orElseThrow()));
    chart.getStyler().setYAxisMax(Math.ceil(Arrays.stream(all).max().orElseThrow()));
  }

  private XYSeries line(
      XYChart chart, String name, Color color, List<Point> points, ToDoubleFunction<Point> up) {
    double[] x = points.stream().mapToDouble(right::applyAsInt).toArray();
    double[] y = points.stream().mapToDouble(up).toArray();
    XYSeries line = chart.addSeries(name, doubling ? logarithms(x) : x, logarithms(y));
    line.setLineColor(color);
    line.setLineStyle(SeriesLines.SOLID);
    line.setLineWidth(2f);
    line.setMarker(SeriesMarkers.CIRCLE);
    line.setMarkerColor(color);
    return line;
  }

  private static double[] logarithms(double[] values) {
    return Arrays.stream(values).map(v -> Math.log(v) / Math.log(2)).toArray();
  }

  /** What a logarithm stands for, to two digits. */
  private static String power(double logarithm) {
    BigDecimal value = BigDecimal.valueOf(Math.pow(2, logarithm));
    int digits = Math.max(2, value.precision() - value.scale());
    boolean whole = logarithm >= 0 && logarithm == Math.rint(logarithm);
    return value.round(new MathContext(whole ? digits : 2)).stripTrailingZeros().toPlainString();
  }
}
