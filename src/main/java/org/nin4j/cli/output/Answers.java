package org.nin4j.cli.output;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.PrintStream;
import java.util.List;
import org.nin4j.data.file.Csv;
import org.nin4j.text.Text;
import org.nin4j.train.Prediction;

/** Predictions as they are printed, each as soon as it is there. */
public interface Answers {
  /** How many are named where nobody asks for another number. */
  int USUAL = 5;

  String PICTURE = "Picture";
  String GAP = "  ";

  /** Prints one picture's answers. */
  void print(String picture, List<Prediction.Answer> top);

  /** A JSON object in a line for each picture. */
  static Answers json(PrintStream out) {
    return (picture, top) -> {
      JsonArray answers = new JsonArray();
      for (Prediction.Answer answer : top) {
        JsonObject one = new JsonObject();
        one.addProperty("class", answer.name());
        one.addProperty("label", answer.label());
        one.addProperty("probability", answer.probability());
        answers.add(one);
      }
      JsonObject line = new JsonObject();
      line.addProperty("picture", picture);
      line.add("answers", answers);
      out.println(line);
    };
  }

  /** A line of CSV for each answer, after one of names. */
  static Answers csv(PrintStream out) {
    out.print(Csv.line(List.of("picture", "rank", "class", "label", "probability")) + Csv.END);
    return (picture, top) -> {
      for (int i = 0; i < top.size(); i++) {
        Prediction.Answer answer = top.get(i);
        out.print(
            Csv.line(
                    List.of(
                        picture,
                        String.valueOf(i + 1),
                        answer.name(),
                        String.valueOf(answer.label()),
                        String.valueOf(answer.probability())))
                + Csv.END);
      }
    };
  }

  /** How many of the usual answers, at least one, a table has room for in 80 columns. */
  static int fitting(int pictures, List<String> classes) {
    int left = Console.DEFAULT_COLUMNS - Math.max(PICTURE.length(), pictures);
    return Math.max(1, Math.min(USUAL, left / (GAP.length() + width(classes))));
  }

  private static int width(List<String> classes) {
    return classes.stream().mapToInt(String::length).max().orElse(0) + " 100.0 %".length();
  }

  /**
   * A table with a row for each picture, whose columns are as wide as anything to come.
   *
   * @param pictures the longest name
   * @param classes of the network
   * @param most answers of a row
   */
  static Answers table(PrintStream out, int pictures, List<String> classes, int most) {
    int name = Math.max(PICTURE.length(), pictures);
    int answer = width(classes);
    StringBuilder titles = new StringBuilder(padded(PICTURE, name));
    for (int i = 1; i <= Math.min(most, classes.size()); i++) {
      titles.append(GAP).append(padded(String.valueOf(i), answer));
    }
    out.println(titles.toString().stripTrailing());
    out.println("-".repeat(titles.length()));
    return (picture, answers) -> {
      StringBuilder row = new StringBuilder(padded(picture, name));
      for (Prediction.Answer a : answers.subList(0, Math.min(most, answers.size()))) {
        String share = Text.of(" %5.1f %%", 100 * a.probability());
        row.append(GAP).append(padded(a.name(), answer - share.length())).append(share);
      }
      out.println(row);
    };
  }

  private static String padded(String text, int width) {
    return text + " ".repeat(Math.max(0, width - text.length()));
  }
}
