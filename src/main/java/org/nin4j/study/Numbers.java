package org.nin4j.study;

import java.math.BigDecimal;
import java.util.List;
import org.nin4j.text.Text;

/** Numbers in reports. */
final class Numbers {
  private static final double MEGABYTE = 1e6;

  private Numbers() {}

  static double mean(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
  }

  /** Standard deviation of a sample: √(Σ (x − mean)² / (n − 1)); 0 for one value. */
  static double deviation(List<Double> values) {
    if (values.size() < 2) {
      return 0;
    }
    double mean = mean(values);
    double squares = values.stream().mapToDouble(v -> (v - mean) * (v - mean)).sum();
    return Math.sqrt(squares / (values.size() - 1));
  }

  /** For example 0.8912 ± 0.0021; without a deviation where there is one value alone. */
  static String spread(List<Double> values) {
    return values.size() < 2
        ? Text.of("%.4f", mean(values))
        : Text.of("%.4f ± %.4f", mean(values), deviation(values));
  }

  /** The shortest text that reads back as the same number, without an exponent. */
  static String plain(double value) {
    return new BigDecimal(String.valueOf(value)).stripTrailingZeros().toPlainString();
  }

  /** For example 12.3 MB, of 10⁶ bytes each. */
  static String megabytes(double bytes) {
    return Text.of("%,.1f MB", bytes / MEGABYTE);
  }

  /** Images a second: as many digits as matter. */
  static String speed(double imagesPerSecond) {
    return Text.of(imagesPerSecond < 99.95 ? "%.1f" : "%,.0f", imagesPerSecond);
  }
}
