import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.LegendPosition;

/**
 * What a cluster would do, from the figures of {@code RoundTimes}: which share of its time each
 * worker computes, against their number, the network's speed and the local steps.
 *
 * <p>A round takes H·c + a + d·K + V·8/B·(2 + K): c is a step; a + d·K what a round costs without a
 * network, a line through the measured rests by least squares; V bytes are told to each, from peer
 * to peer, so about twice, and the driver gets V from each of the K.
 *
 * <pre>
 * {@code java -cp 'target/nin4j.jar:target/lib/*' bench/spark/SimulatedCluster.java [CSV] [PNG]}
 * </pre>
 */
final class SimulatedCluster {
  private static final int[] WORKERS = {4, 8, 16, 32, 64};
  private static final int[] STEPS = {1, 8, 50};
  private static final double[] GIGABITS = {1, 10, 100};
  private static final Color[] COLORS = {
    new Color(0xD62728), new Color(0xFF7F0E), new Color(0x1F77B4)
  };

  private record Measured(int tasks, int steps, double rest, double compute, double bytes) {}

  private SimulatedCluster() {}

  public static void main(String[] arguments) throws IOException {
    Locale.setDefault(Locale.ROOT);
    Path csv =
        Path.of(arguments.length > 0 ? arguments[0] : "bench/records/spark-rounds/rounds.csv");
    Path png =
        Path.of(arguments.length > 1 ? arguments[1] : "bench/records/spark-rounds/simulated.png");
    List<Measured> measured = new ArrayList<>();
    for (String line : Files.readAllLines(csv).subList(1, Files.readAllLines(csv).size())) {
      String[] f = line.split(",");
      double round = Double.parseDouble(f[5]);
      double task = Double.parseDouble(f[6]);
      double busy = Double.parseDouble(f[7]);
      measured.add(
          new Measured(
              Integer.parseInt(f[2]),
              Integer.parseInt(f[3]),
              Math.max(0, round - busy) / 1e3,
              task / 1e3,
              Double.parseDouble(f[8])));
    }
    // One task alone on its core, so that no other slows it down.
    double step =
        measured.stream()
            .filter(m -> m.tasks() == 1)
            .mapToDouble(m -> m.compute() / m.steps())
            .min()
            .orElseThrow();
    double bytes = measured.stream().mapToDouble(Measured::bytes).max().orElseThrow();
    double n = measured.size();
    double meanK = measured.stream().mapToDouble(Measured::tasks).sum() / n;
    double meanRest = measured.stream().mapToDouble(Measured::rest).sum() / n;
    double above = 0;
    double below = 0;
    for (Measured m : measured) {
      above += (m.tasks() - meanK) * (m.rest() - meanRest);
      below += (m.tasks() - meanK) * (m.tasks() - meanK);
    }
    double perTask = below == 0 ? 0 : Math.max(0, above / below);
    double fixed = Math.max(0, meanRest - perTask * meanK);
    System.out.printf(
        "a step %.3f s; a round costs %.3f s + %.4f s a task; %.1f MB to and from each%n",
        step, fixed, perTask, bytes / 1e6);
    XYChart chart =
        new XYChartBuilder()
            .width(860)
            .height(560)
            .title("share of the time that workers compute (simulated)")
            .xAxisTitle("workers")
            .yAxisTitle("%")
            .build();
    chart.getStyler().setLegendPosition(LegendPosition.OutsideE);
    chart.getStyler().setYAxisMin(0.0);
    chart.getStyler().setYAxisMax(100.0);
    System.out.println("| Gbit/s | H | " + "4, 8, 16, 32, 64 workers: % of the time |");
    System.out.println("|---|---|---|");
    for (int g = 0; g < GIGABITS.length; g++) {
      for (int h : STEPS) {
        double[] x = new double[WORKERS.length];
        double[] y = new double[WORKERS.length];
        StringBuilder row = new StringBuilder();
        for (int i = 0; i < x.length; i++) {
          int k = WORKERS[i];
          double moved = bytes * 8 / (GIGABITS[g] * 1e9) * (2 + k);
          x[i] = k;
          y[i] = 100 * h * step / (h * step + fixed + perTask * k + moved);
          row.append(i == 0 ? "" : ", ").append(Math.round(y[i]));
        }
        XYSeries series = chart.addSeries("%.0f Gbit/s, H = %d".formatted(GIGABITS[g], h), x, y);
        series.setLineColor(COLORS[g]);
        series.setMarkerColor(COLORS[g]);
        series.setLineWidth(h == 1 ? 1f : h == 8 ? 2f : 3f);
        System.out.printf("| %.0f | %d | %s |%n", GIGABITS[g], h, row);
      }
    }
    BitmapEncoder.saveBitmap(chart, png.toString(), BitmapFormat.PNG);
    System.out.println(png);
  }
}
