package org.nin4j.plan;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;

/**
 * Chooses, where branches leave a choice, the order of steps that needs the least memory at once.
 *
 * <p>A beam search over what has been done: from each of the best so many sets of done steps, each
 * step that is ready is done next, and of the ways to the same set the one with the lowest peak is
 * kept. With a wide beam that is an exhaustive search (Held and Karp's dynamic programming over
 * sets); of a chain there is one order only. The given order is kept unless another is better by a
 * hundredth: it reads as the network does.
 */
public final class StepOrder {
  /** More than any eight steps have sets of the same size: 70. */
  private static final int WIDTH = 72;

  private static final double WORTH = 0.99;

  private final List<Step> steps;
  private final Set<TensorSpec> kept;
  private final List<BitSet> before = new ArrayList<>();
  private final List<List<Tensor>> reads = new ArrayList<>();
  private final List<List<Tensor>> writes = new ArrayList<>();

  /** Bytes of what was there before the first step. */
  private long given;

  /** An activation: its size and who reads it. */
  private static final class Tensor {
    final long bytes;
    final BitSet readers = new BitSet();
    boolean lasts;

    Tensor(long bytes) {
      this.bytes = bytes;
    }

    boolean isDead(BitSet done) {
      if (lasts) {
        return false;
      }
      BitSet left = (BitSet) readers.clone();
      left.andNot(done);
      return left.isEmpty();
    }
  }

  /**
   * One way to do some of the steps; what was done last, and before that, for all but the first.
   */
  private record Way(BitSet done, Optional<Done> last, long live, long peak) {}

  private record Done(int step, Way earlier) {}

  private StepOrder(Plan plan, StorageRules rules) {
    steps = plan.steps();
    kept = plan.kept();
    Map<TensorSpec, Tensor> tensors = new HashMap<>();
    Map<TensorSpec, Integer> writers = new HashMap<>();
    Map<TensorSpec, List<Integer>> readers = new LinkedHashMap<>();
    for (int i = 0; i < steps.size(); i++) {
      Step step = steps.get(i);
      BitSet earlier = new BitSet();
      List<Tensor> read = new ArrayList<>();
      for (TensorSpec tensor : new LinkedHashSet<>(step.reads())) {
        if (writers.containsKey(tensor)) {
          earlier.set(writers.get(tensor));
        }
        if (tensor.isTemporary()) {
          if (!tensors.containsKey(tensor)) {
            tensors.put(tensor, tensor(tensor, rules));
            given += rules.bytes(tensor);
          }
          Tensor known = tensors.get(tensor);
          known.readers.set(i);
          read.add(known);
        }
        readers.computeIfAbsent(tensor, t -> new ArrayList<>()).add(i);
      }
      List<Tensor> written = new ArrayList<>();
      for (TensorSpec tensor : step.writes()) {
        // What is written over, such as a parameter, has been read by all who want the old values.
        readers.getOrDefault(tensor, List.of()).forEach(earlier::set);
        if (writers.containsKey(tensor)) {
          earlier.set(writers.get(tensor));
        }
        writers.put(tensor, i);
        if (tensor.isTemporary() && !tensors.containsKey(tensor)) {
          Tensor fresh = tensor(tensor, rules);
          tensors.put(tensor, fresh);
          written.add(fresh);
        }
      }
      earlier.clear(i);
      before.add(earlier);
      reads.add(read);
      writes.add(written);
    }
  }

  private Tensor tensor(TensorSpec spec, StorageRules rules) {
    Tensor tensor = new Tensor(rules.bytes(spec));
    tensor.lasts = kept.contains(spec);
    return tensor;
  }

  /**
   * The plan with its steps in an order of least memory.
   *
   * @param rules sizes of tensors; workspaces do not count
   */
  public static Plan forMemory(Plan plan, StorageRules rules) {
    StepOrder order = new StepOrder(plan, rules);
    if (order.isChain()) {
      return plan;
    }
    Way best = order.search(WIDTH);
    return best.peak() < WORTH * order.peakAsGiven() ? plan.withSteps(order.steps(best)) : plan;
  }

  /** The least of what an order needs at once, found with the given number of ways kept. */
  static long leastPeak(Plan plan, StorageRules rules, int width) {
    return new StepOrder(plan, rules).search(width).peak();
  }

  /** What the plan's own order needs at once. */
  static long peak(Plan plan, StorageRules rules) {
    return new StepOrder(plan, rules).peakAsGiven();
  }

  /** Whether each step waits for the one before it, so that there is nothing to choose. */
  private boolean isChain() {
    for (int i = 1; i < steps.size(); i++) {
      if (!before.get(i).get(i - 1)) {
        return false;
      }
    }
    return true;
  }

  private long peakAsGiven() {
    Way way = start();
    for (int i = 0; i < steps.size(); i++) {
      way = next(way, i);
    }
    return way.peak();
  }

  private Way start() {
    return new Way(new BitSet(), Optional.empty(), given, given);
  }

  private Way next(Way way, int step) {
    long written = writes.get(step).stream().mapToLong(t -> t.bytes).sum();
    long during = way.live() + written;
    BitSet done = (BitSet) way.done().clone();
    done.set(step);
    long freed = 0;
    for (Tensor read : reads.get(step)) {
      freed += read.isDead(done) ? read.bytes : 0;
    }
    for (Tensor fresh : writes.get(step)) {
      freed += fresh.isDead(done) ? fresh.bytes : 0;
    }
    return new Way(
        done, Optional.of(new Done(step, way)), during - freed, Math.max(way.peak(), during));
  }

  private Way search(int width) {
    List<Way> ways = List.of(start());
    for (int count = 0; count < steps.size(); count++) {
      Map<BitSet, Way> found = new LinkedHashMap<>();
      for (Way way : ways) {
        for (int i = 0; i < steps.size(); i++) {
          if (!way.done().get(i) && isReady(i, way.done())) {
            Way next = next(way, i);
            found.merge(next.done(), next, (a, b) -> b.peak() < a.peak() ? b : a);
          }
        }
      }
      ways =
          found.values().stream()
              .sorted(Comparator.comparingLong(Way::peak).thenComparingLong(Way::live))
              .limit(width)
              .toList();
    }
    return ways.get(0);
  }

  private boolean isReady(int step, BitSet done) {
    BitSet earlier = before.get(step);
    for (int i = earlier.nextSetBit(0); i >= 0; i = earlier.nextSetBit(i + 1)) {
      if (!done.get(i)) {
        return false;
      }
    }
    return true;
  }

  private List<Step> steps(Way way) {
    List<Step> ordered = new ArrayList<>();
    Optional<Done> last = way.last();
    while (last.isPresent()) {
      ordered.add(0, steps.get(last.get().step()));
      last = last.get().earlier().last();
    }
    return ordered;
  }
}
