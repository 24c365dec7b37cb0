package org.nin4j.backend;

import java.util.List;
import org.nin4j.model.Concat;
import org.nin4j.model.Conv2d;
import org.nin4j.model.Dropout;
import org.nin4j.model.Layer;
import org.nin4j.model.Linear;
import org.nin4j.model.Network;
import org.nin4j.model.Part;
import org.nin4j.model.Sequential;
import org.nin4j.model.Sum;

/** The same network with fewer channels and another dropout. */
public final class ReducedNetwork {
  private final int divisor;
  private final float dropout;

  private ReducedNetwork(int divisor, float dropout) {
    this.divisor = divisor;
    this.dropout = dropout;
  }

  /**
   * @param divisor of all channels and features that layers give, classes too
   * @param dropout every dropout's probability
   */
  public static Network of(Network network, int divisor, float dropout) {
    Layer layers = new ReducedNetwork(divisor, dropout).reduced(network.layers());
    return new Network(network.name(), layers);
  }

  private Layer reduced(Layer layer) {
    if (layer instanceof Sequential sequential) {
      return new Sequential(reduced(sequential.parts()));
    }
    if (layer instanceof Sum sum) {
      return new Sum(reduced(sum.branches()));
    }
    if (layer instanceof Concat concat) {
      return new Concat(reduced(concat.branches()));
    }
    if (layer instanceof Conv2d conv) {
      return new Conv2d(part(conv.outChannels()), conv.window(), conv.groups(), conv.bias());
    }
    if (layer instanceof Linear linear) {
      return new Linear(part(linear.outFeatures()));
    }
    return layer instanceof Dropout ? new Dropout(dropout) : layer;
  }

  private List<Part> reduced(List<Part> parts) {
    return parts.stream().map(p -> new Part(p.name(), reduced(p.layer()), p.inline())).toList();
  }

  private int part(int count) {
    if (count % divisor != 0) {
      throw new IllegalArgumentException(count + " cannot be divided by " + divisor);
    }
    return count / divisor;
  }
}
