package org.nin4j.page;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.nin4j.data.ImageDataset;
import org.nin4j.train.ConfusionMatrix;
import org.nin4j.train.Evaluation;
import org.nin4j.train.Prediction;

/**
 * What the network answers after an epoch.
 *
 * @param epoch its number, from 1
 * @param samples the same few test images after every epoch
 * @param mistakes the most confident wrong answers
 */
record Answers(int epoch, ConfusionMatrix confusion, List<Shown> samples, List<Shown> mistakes) {
  private static final int MOST = 12;

  /** An image with its true class, the answer and how probable the network says it is. */
  record Shown(int image, int label, int answer, double probability) {
    static Shown of(int image, int label, Prediction.Answer answer) {
      return new Shown(image, label, answer.label(), answer.probability());
    }
  }

  static Answers of(int epoch, Evaluation evaluation, ImageDataset test) {
    return new Answers(
        epoch,
        evaluation.confusion(),
        samples(test).stream()
            .map(i -> Shown.of(i, test.label(i), evaluation.answers().get(i)))
            .toList(),
        evaluation.mistakes().stream()
            .limit(MOST)
            .map(m -> Shown.of(m.image(), m.label(), m.answer()))
            .toList());
  }

  /** The first image of each class, as far as they go, then the first others. */
  private static List<Integer> samples(ImageDataset test) {
    List<Integer> chosen = new ArrayList<>();
    Set<Integer> classes = new LinkedHashSet<>();
    for (int i = 0; i < test.count() && chosen.size() < MOST; i++) {
      if (classes.add(test.label(i))) {
        chosen.add(i);
      }
    }
    for (int i = 0; i < test.count() && chosen.size() < MOST; i++) {
      if (!chosen.contains(i)) {
        chosen.add(i);
      }
    }
    return List.copyOf(chosen);
  }
}
