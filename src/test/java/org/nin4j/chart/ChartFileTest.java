package org.nin4j.chart;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;

class ChartFileTest {
  @TempDir private Path folder;

  @Test
  void aFileIsTheSameInAllLanguages() throws IOException {
    byte[] english = written("en-US");
    BufferedImage picture = ImageIO.read(folder.resolve("en-US.png").toFile());
    assertEquals(2 * 300, picture.getWidth());
    assertEquals(2 * 200, picture.getHeight());
    assertArrayEquals(english, written("ar-EG"));
    assertArrayEquals(english, written("de-DE"));
  }

  /** Four charts, two in a row. */
  private byte[] written(String language) throws IOException {
    Locale before = Locale.getDefault();
    Path file = folder.resolve(language + ".png");
    try {
      Locale.setDefault(Locale.forLanguageTag(language));
      List<XYChart> charts = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        XYChart chart = new XYChartBuilder().width(300).height(200).build();
        chart.getStyler().setYAxisDecimalPattern("#,##0.00");
        chart.addSeries("line", new double[] {1, 2, 3}, new double[] {0.5, 1500.25, i});
        charts.add(chart);
      }
      ChartFile.write(charts, 2, file);
    } finally {
      Locale.setDefault(before);
    }
    return Files.readAllBytes(file);
  }
}
