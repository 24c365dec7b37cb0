package org.nin4j.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.nin4j.backend.Metrics;
import org.nin4j.data.ImageDataset;

/** By hand: eight images in four classes, of which the last has none and is never answered. */
class ConfusionMatrixTest {
  private static final List<String> CLASSES = List.of("a", "b, or c", "d", "e");
  private static final int[] LABELS = {0, 0, 0, 0, 1, 1, 2, 2};
  private static final int[] ANSWERS = {0, 0, 0, 1, 1, 0, 0, 1};

  private final ConfusionMatrix matrix = ConfusionMatrix.of(CLASSES, LABELS, ANSWERS);

  @Test
  void counts() {
    assertEquals(
        List.of(
            List.of(3L, 1L, 0L, 0L),
            List.of(1L, 1L, 0L, 0L),
            List.of(1L, 1L, 0L, 0L),
            List.of(0L, 0L, 0L, 0L)),
        matrix.counts());
    assertEquals(4, matrix.images(0));
    assertEquals(5, matrix.answers(0));
    assertThrows(
        IllegalArgumentException.class, () -> ConfusionMatrix.of(CLASSES, LABELS, new int[] {1}));
  }

  @Test
  void precisionRecallAndF1() {
    assertEquals(OptionalDouble.of(3 / 5.0), matrix.precision(0));
    assertEquals(OptionalDouble.of(3 / 4.0), matrix.recall(0));
    // 2 · 0.6 · 0.75 / (0.6 + 0.75)
    assertEquals(2 / 3.0, matrix.f1(0).orElseThrow(), 1e-15);
    assertEquals(OptionalDouble.of(1 / 3.0), matrix.precision(1));
    assertEquals(OptionalDouble.of(1 / 2.0), matrix.recall(1));
    assertEquals(0.4, matrix.f1(1).orElseThrow(), 1e-15);
    assertEquals(OptionalDouble.empty(), matrix.precision(2));
    assertEquals(OptionalDouble.of(0), matrix.recall(2));
    assertEquals(OptionalDouble.of(0), matrix.f1(2));
    assertEquals(OptionalDouble.empty(), matrix.recall(3));
    assertEquals(OptionalDouble.empty(), matrix.f1(3));
  }

  @Test
  void csv() {
    assertEquals(
        "true \\ answered,a,\"b, or c\",d,e|a,3,1,0,0|\"b, or c\",1,1,0,0|d,1,1,0,0|e,0,0,0,0|",
        matrix.toCsv().replace("\r\n", "|"));
  }

  @Test
  void mistakesComeMostConfidentFirst() {
    byte[] labels = new byte[LABELS.length];
    List<Prediction.Answer> answers = new ArrayList<>();
    double[] sure = {0.9, 0.9, 0.9, 0.5, 0.9, 0.7, 0.8, 0.5};
    for (int i = 0; i < labels.length; i++) {
      labels[i] = (byte) LABELS[i];
      answers.add(new Prediction.Answer(ANSWERS[i], CLASSES.get(ANSWERS[i]), sure[i]));
    }
    ImageDataset data = new ImageDataset("eight", CLASSES, 1, 1, 1, new byte[8], labels);
    Evaluation evaluation = Evaluation.of(Metrics.NONE, data, answers);
    assertEquals(matrix, evaluation.confusion());
    assertEquals(
        "6 5 3 7",
        evaluation.mistakes().stream()
            .map(m -> String.valueOf(m.image()))
            .collect(Collectors.joining(" ")));
    assertEquals(2, evaluation.mistakes().get(0).label());
    assertEquals("a", evaluation.mistakes().get(0).answer().name());
  }
}
