package org.nin4j.chart;

import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.AxesChartStyler;
import org.nin4j.data.file.PartialFile;

/** Charts of one size, drawn into one picture. */
public final class ChartFile {
  private ChartFile() {}

  /**
   * Writes a PNG file, which appears under its name only when it is complete.
   *
   * @param charts all of one size, row by row; they fill the last row, too
   * @param columns how many of them stand in a row
   * @throws UncheckedIOException if it cannot be written; what had the name is still there
   */
  public static void write(
      List<? extends Chart<? extends AxesChartStyler, ?>> charts, int columns, Path file) {
    int width = charts.get(0).getWidth();
    int height = charts.get(0).getHeight();
    int rows = charts.size() / columns;
    BufferedImage all =
        new BufferedImage(columns * width, rows * height, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = all.createGraphics();
    for (int i = 0; i < charts.size(); i++) {
      // Digits and points as in all other text, whatever the machine's language.
      charts.get(i).getStyler().setLocale(Locale.ROOT);
      BufferedImage one = BitmapEncoder.getBufferedImage(charts.get(i));
      graphics.drawImage(one, i % columns * width, i / columns * height, null);
    }
    graphics.dispose();
    PartialFile.write(file, all);
  }
}
