package org.nin4j.plan;

import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Several steps that a backend computes in one kernel. What they are, one after the other, defines
 * what is right; what they write and nobody else reads has no place in memory.
 *
 * @param kernel what the parts are together
 * @param parts in order
 * @param writes what the parts write for others
 */
public record Fused(Kernel kernel, List<Step> parts, List<TensorSpec> writes) implements Step {
  /** What a backend may have in one kernel; see {@link KernelFusion}. */
  public enum Kernel {
    /** Two 1×1 convolutions with ReLU. */
    POINTWISE_PAIR("PointwisePairForward"),
    /** Three convolutions with ReLU, the last two 1×1, and a max pool. */
    NIN_BLOCK_FORWARD("NinBlockForward"),
    /** All gradients of the same; the activations between the layers are computed again. */
    NIN_BLOCK_BACKWARD("NinBlockBackward");

    private final String kind;

    Kernel(String kind) {
      this.kind = kind;
    }
  }

  public Fused {
    parts = List.copyOf(parts);
    writes = List.copyOf(writes);
    Set<TensorSpec> written = new HashSet<>();
    parts.forEach(part -> written.addAll(part.writes()));
    if (parts.isEmpty() || writes.isEmpty() || !written.containsAll(writes)) {
      throw new IllegalArgumentException(
          "fused steps write something for others, and nothing but what a part writes");
    }
  }

  /** The first part's. */
  @Override
  public String layer() {
    return parts.get(0).layer();
  }

  /** What the parts read that none before them wrote. */
  @Override
  public List<TensorSpec> reads() {
    Set<TensorSpec> reads = new LinkedHashSet<>();
    Set<TensorSpec> written = new HashSet<>();
    for (Step part : parts) {
      part.reads().stream().filter(t -> !written.contains(t)).forEach(reads::add);
      written.addAll(part.writes());
    }
    return List.copyOf(reads);
  }

  /** What the parts write for each other alone. */
  public List<TensorSpec> inner() {
    return parts.stream()
        .flatMap(part -> part.writes().stream())
        .filter(t -> !writes.contains(t))
        .distinct()
        .toList();
  }

  @Override
  public long multiplyAdds() {
    return parts.stream().mapToLong(Step::multiplyAdds).sum();
  }

  @Override
  public String kind() {
    return kernel.kind;
  }

  /** The parts of one kind, in order. */
  public <S extends Step> Stream<S> parts(Class<S> kind) {
    return parts.stream().filter(kind::isInstance).map(kind::cast);
  }
}
