package org.nin4j.cli.output;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.nin4j.train.Prediction;

class AnswersTest {
  private static final List<String> CLASSES =
      List.of("bag", "ankle boot", "coat", "shirt", "dress");

  @Test
  void aTableFits80Columns() {
    // Each answer takes two blanks, the longest name, and a share.
    assertEquals(3, Answers.fitting(20, CLASSES));
    assertEquals(2, Answers.fitting(21, CLASSES));
    assertEquals(1, Answers.fitting(60, CLASSES));
    assertEquals(1, Answers.fitting(300, CLASSES));
    assertEquals(5, Answers.fitting(7, List.of("a", "bc")));
  }

  @Test
  void aRowHasAsManyAnswersAsTheTableHasColumns() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream print = new PrintStream(out, true, StandardCharsets.UTF_8);
    List<Prediction.Answer> answers =
        List.of(
            new Prediction.Answer(1, "ankle boot", 0.75f),
            new Prediction.Answer(0, "bag", 0.125f),
            new Prediction.Answer(2, "coat", 0.0625f));
    Answers.table(print, 20, CLASSES, Answers.fitting(20, CLASSES)).print("x.png", answers);
    Answers.table(print, 21, CLASSES, Answers.fitting(21, CLASSES)).print("x.png", answers);
    assertEquals(
        List.of(
            "Picture               1                   2                   3",
            "-".repeat(80),
            "x.png                 ankle boot  75.0 %  bag         12.5 %  coat         6.3 %",
            "Picture                1                   2",
            "-".repeat(61),
            "x.png                  ankle boot  75.0 %  bag         12.5 %"),
        out.toString(StandardCharsets.UTF_8).lines().toList());
  }
}
