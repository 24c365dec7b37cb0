package org.nin4j.train;

import java.util.List;
import org.nin4j.tensor.HostTensor;
import org.nin4j.tensor.Shape;
import org.nin4j.text.Text;

/**
 * What a network sees of each class, and where. A class's score is the mean over its map, so that a
 * map says how much each place of the image adds. Source: Lin, Chen, Yan, "Network In Network",
 * ICLR 2014, 4.6; with a linear layer behind the pool, Zhou et al., "Learning Deep Features for
 * Discriminative Localization", CVPR 2016.
 *
 * @param prediction what the network says
 * @param scores the logits by label
 * @param maps [classes, height, width], coarser than the image; not copied
 */
public record Evidence(Prediction prediction, List<Float> scores, HostTensor maps) {
  public Evidence {
    scores = List.copyOf(scores);
    Shape shape = maps.shape();
    if (shape.rank() != 3 || shape.dim(0) != scores.size()) {
      throw new IllegalArgumentException(
          Text.of("maps of %d classes are no %s", scores.size(), shape));
    }
  }

  /** The map of one class, a copy, [height, width]. */
  public HostTensor map(int label) {
    return new FeatureMaps("", maps).map(label);
  }
}
