package org.nin4j.spark;

import org.nin4j.text.Text;

/** The program that {@code spark-submit} starts: trains, evaluates, predicts. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) {
    int code;
    try {
      code = Commands.run(arguments);
    } catch (NoClassDefFoundError | IncompatibleClassChangeError e) {
      System.err.println(
          Text.of(
              "nin4j-spark: there is no Spark on the class path, or another than Spark 4 with Scala 2.13 (%s); start it with spark-submit, or with ./nin spark-submit",
              e.getMessage()));
      code = 8;
    }
    if (code != 0) {
      System.exit(code);
    }
  }
}
