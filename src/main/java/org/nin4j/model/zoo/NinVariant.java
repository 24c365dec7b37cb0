package org.nin4j.model.zoo;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.nin4j.model.Dropout;
import org.nin4j.model.NinBlock;
import org.nin4j.model.Window;
import org.nin4j.text.Text;

/**
 * What the book's exercises vary in Network in Network.
 *
 * @param inner the convolutions that follow each block's first
 * @param head what makes class scores of the last block's output
 * @param reduction channels of the last block's convolutions, of which the last is the number of
 *     classes and stands for all convolutions that follow; empty for that number alone
 * @param dropout before the last block; empty for what the network was published with. It changes
 *     how a network is trained, not what it computes afterwards
 */
public record NinVariant(
    List<Window> inner, Head head, List<Integer> reduction, Optional<Float> dropout) {
  /** As published. */
  public static final NinVariant PUBLISHED =
      new NinVariant(NinBlock.TWO_1X1, Head.AVERAGE, List.of(), Optional.empty());

  /** What makes class scores of the last block's output. */
  public enum Head {
    /** The mean over all pixels, for each class. */
    AVERAGE,
    /** The same without the last convolution's ReLU: no class can die, scores may be below 0. */
    AVERAGE_NO_RELU,
    /** A linear layer over all pixels of all classes. */
    LINEAR
  }

  public NinVariant {
    inner = List.copyOf(inner);
    reduction = List.copyOf(reduction);
    for (int channels : reduction) {
      if (channels < 1) {
        throw new IllegalArgumentException(
            "the channels of the last block are at least 1, not " + channels);
      }
    }
    // It knows which probabilities there are.
    dropout.ifPresent(Dropout::new);
  }

  /** The same with other inner convolutions. */
  public NinVariant withInner(List<Window> other) {
    return new NinVariant(other, head, reduction, dropout);
  }

  /** The same with another head. */
  public NinVariant withHead(Head other) {
    return new NinVariant(inner, other, reduction, dropout);
  }

  /** The same with other channels in the last block. */
  public NinVariant withReduction(List<Integer> other) {
    return new NinVariant(inner, head, other, dropout);
  }

  /** The same with another probability of dropout before the last block. */
  public NinVariant withDropout(Optional<Float> other) {
    return new NinVariant(inner, head, reduction, other);
  }

  /**
   * The layer before the last block.
   *
   * @param published the probability where none is chosen
   */
  Dropout dropoutOr(float published) {
    return new Dropout(dropout.orElse(published));
  }

  /**
   * Channels of each convolution of the last block.
   *
   * @throws IllegalArgumentException if the reduction does not fit the block or the classes
   */
  List<Integer> lastBlock(int classes) {
    int convolutions = 1 + inner.size();
    if (reduction.size() > convolutions) {
      throw new IllegalArgumentException(
          Text.of(
              "the last block has %d convolutions, too few to reduce its channels in %d steps; name fewer steps or more inner convolutions",
              convolutions, reduction.size()));
    }
    List<Integer> channels = new ArrayList<>(reduction);
    if (!reduction.isEmpty() && channels.get(channels.size() - 1) != classes) {
      throw new IllegalArgumentException(
          Text.of(
              "the last block ends in as many channels as there are classes, %d, not %d",
              classes, channels.get(channels.size() - 1)));
    }
    channels.addAll(Collections.nCopies(convolutions - reduction.size(), classes));
    return channels;
  }
}
