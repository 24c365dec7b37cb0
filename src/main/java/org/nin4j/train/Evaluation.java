package org.nin4j.train;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.nin4j.backend.Metrics;
import org.nin4j.data.ImageDataset;

/**
 * What came out when every image of a data set was answered.
 *
 * @param metrics loss and counts of right answers
 * @param confusion which class was answered how often for which
 * @param answers the most probable class of each image, in their order
 * @param mistakes the wrong answers, most confident first
 */
public record Evaluation(
    Metrics metrics,
    ConfusionMatrix confusion,
    List<Prediction.Answer> answers,
    List<Mistake> mistakes) {
  /**
   * A wrong answer.
   *
   * @param image its place in the data set
   * @param label the true class
   * @param answer the class that the network says, and how probable it says it is
   */
  public record Mistake(int image, int label, Prediction.Answer answer) {}

  public Evaluation {
    answers = List.copyOf(answers);
    mistakes = List.copyOf(mistakes);
  }

  /**
   * From the most probable class for each image.
   *
   * @param answers in the order of the images
   */
  static Evaluation of(Metrics metrics, ImageDataset data, List<Prediction.Answer> answers) {
    int[] labels = new int[answers.size()];
    int[] answered = new int[answers.size()];
    List<Mistake> mistakes = new ArrayList<>();
    for (int i = 0; i < labels.length; i++) {
      labels[i] = data.label(i);
      answered[i] = answers.get(i).label();
      if (labels[i] != answered[i]) {
        mistakes.add(new Mistake(i, labels[i], answers.get(i)));
      }
    }
    // A stable sort: of equally confident ones the first image comes first.
    mistakes.sort(Comparator.comparingDouble((Mistake m) -> -m.answer().probability()));
    return new Evaluation(
        metrics, ConfusionMatrix.of(data.classNames(), labels, answered), answers, mistakes);
  }
}
