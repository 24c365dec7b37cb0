package org.nin4j.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.nin4j.plan.PlacedPlan.Slot;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;
import org.nin4j.plan.step.TensorSpec.Role;
import org.nin4j.plan.step.Update;

/**
 * Gives every tensor of a plan its place: two share memory only if no step finds both alive.
 *
 * <p>Largest first, each at the lowest offset that is free for its whole life. Source: Pisarchyk,
 * Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020 (greedy by size).
 */
public final class Arena {
  /** Something that needs room from one step to another, both included. */
  private static final class Block {
    final List<TensorSpec> tensors = new ArrayList<>();
    long bytes;
    int first;
    int last;
    long offset;

    Block(long bytes, int first, int last) {
      this.bytes = bytes;
      this.first = first;
      this.last = last;
    }

    boolean meets(Block other) {
      return first <= other.last && other.first <= last;
    }
  }

  private final Plan plan;
  private final StorageRules rules;
  private final Map<TensorSpec, Slot> tensors = new LinkedHashMap<>();
  private final Map<Integer, Slot> workspaces = new LinkedHashMap<>();
  private final Map<Integer, Slot> residents = new LinkedHashMap<>();
  private long end;

  private Arena(Plan plan, StorageRules rules) {
    this.plan = plan;
    this.rules = rules;
  }

  /** Places everything. */
  public static PlacedPlan place(Plan plan, StorageRules rules) {
    return new Arena(plan, rules).place();
  }

  private PlacedPlan place() {
    long parameterBytes = placeRegion(region(Role.PARAMETER));
    placeRegion(region(Role.PARAMETER_GRADIENT));
    placeRegion(region(Role.OPTIMIZER_STATE));
    placeRegion(region(Role.STATE));
    for (int i = 0; i < plan.steps().size(); i++) {
      long bytes = rules.resident(plan.steps().get(i));
      if (bytes > 0) {
        residents.put(i, new Slot(end, bytes));
        end = align(end + bytes);
      }
    }
    placeByLifetime();
    return new PlacedPlan(plan, tensors, workspaces, residents, parameterBytes, end);
  }

  /** A role's tensors in the updates' order, so that the regions match element by element. */
  private List<TensorSpec> region(Role role) {
    Set<TensorSpec> ordered = new LinkedHashSet<>();
    plan.steps(Update.class)
        .flatMap(Update::regions)
        .flatMap(List::stream)
        .filter(t -> t.role() == role)
        .forEach(ordered::add);
    ordered.addAll(plan.tensors(role));
    return List.copyOf(ordered);
  }

  private long placeRegion(List<TensorSpec> region) {
    long begin = end;
    for (TensorSpec tensor : region) {
      long bytes = rules.bytes(tensor);
      tensors.put(tensor, new Slot(end, bytes));
      end = align(end + bytes);
    }
    return end - begin;
  }

  private void placeByLifetime() {
    List<Block> blocks = blocks();
    Map<Block, Integer> ofWorkspace = new HashMap<>();
    for (int i = 0; i < plan.steps().size(); i++) {
      long bytes = rules.workspace(plan.steps().get(i));
      if (bytes > 0) {
        Block block = new Block(bytes, i, rules.lastConcurrentStep(i));
        ofWorkspace.put(block, i);
        blocks.add(block);
      }
    }
    long begin = end;
    List<Block> placed = new ArrayList<>();
    blocks.sort(Comparator.comparingLong((Block b) -> b.bytes).reversed());
    for (Block block : blocks) {
      block.offset = lowestFree(block, begin, placed);
      placed.add(block);
      end = Math.max(end, align(block.offset + block.bytes));
      block.tensors.forEach(t -> tensors.put(t, new Slot(block.offset, rules.bytes(t))));
      if (ofWorkspace.containsKey(block)) {
        workspaces.put(ofWorkspace.get(block), new Slot(block.offset, block.bytes));
      }
    }
  }

  private long lowestFree(Block block, long begin, List<Block> placed) {
    List<Block> met =
        placed.stream()
            .filter(block::meets)
            .sorted(Comparator.comparingLong(b -> b.offset))
            .toList();
    long offset = begin;
    for (Block other : met) {
      if (offset + block.bytes <= other.offset) {
        break;
      }
      offset = Math.max(offset, align(other.offset + other.bytes));
    }
    return offset;
  }

  /** One block for each activation, or for a chain of them that take each other's place. */
  private List<Block> blocks() {
    int steps = plan.steps().size();
    Map<TensorSpec, Block> blocks = new LinkedHashMap<>();
    for (int i = 0; i < steps; i++) {
      Step step = plan.steps().get(i);
      int last = rules.lastConcurrentStep(i);
      for (TensorSpec read : step.reads()) {
        if (read.isTemporary()) {
          // A tensor that no step has written was put there before the run.
          use(blocks, read, blocks.containsKey(read) ? i : 0, last);
        }
      }
      if (rules.inPlace(step)) {
        int at = i;
        step.inPlace().ifPresent(pair -> merge(blocks, pair, at));
      }
      for (TensorSpec written : step.writes()) {
        if (written.isTemporary()) {
          use(blocks, written, i, last);
        }
      }
    }
    for (TensorSpec kept : plan.kept()) {
      if (blocks.containsKey(kept)) {
        Block block = blocks.get(kept);
        block.last = steps - 1;
        if (kept.role() == Role.DERIVED) {
          // Made once for all runs: what the next run does before it must leave it alone.
          block.first = 0;
        }
      }
    }
    return new ArrayList<>(blocks.values().stream().distinct().toList());
  }

  private void use(Map<TensorSpec, Block> blocks, TensorSpec tensor, int first, int last) {
    Block block =
        blocks.computeIfAbsent(
            tensor,
            t -> {
              Block fresh = new Block(rules.bytes(t), first, last);
              fresh.tensors.add(t);
              return fresh;
            });
    block.last = Math.max(block.last, last);
  }

  private void merge(Map<TensorSpec, Block> blocks, Step.InPlace pair, int at) {
    boolean readLater =
        plan.kept().contains(pair.read())
            || plan.steps().subList(at + 1, plan.steps().size()).stream()
                .anyMatch(s -> s.reads().contains(pair.read()));
    boolean fits = rules.bytes(pair.read()) == rules.bytes(pair.written());
    if (readLater || !fits || blocks.containsKey(pair.written())) {
      return;
    }
    Block block = blocks.get(pair.read());
    // Someone else in the same place may be read later still: its values would be lost.
    boolean shared =
        block.tensors.stream()
            .filter(t -> !t.equals(pair.read()))
            .anyMatch(
                t ->
                    plan.kept().contains(t)
                        || plan.steps().subList(at + 1, plan.steps().size()).stream()
                            .anyMatch(s -> s.reads().contains(t)));
    if (!shared && !inUse(block, at)) {
      block.tensors.add(pair.written());
      blocks.put(pair.written(), block);
    }
  }

  /** Whether a step before that one may still be at work on it. */
  private boolean inUse(Block block, int at) {
    return IntStream.range(0, at)
        .filter(i -> rules.lastConcurrentStep(i) >= at)
        .mapToObj(plan.steps()::get)
        .flatMap(s -> Stream.concat(s.reads().stream(), s.writes().stream()))
        .anyMatch(block.tensors::contains);
  }

  private long align(long offset) {
    return (offset + rules.alignment() - 1) & -rules.alignment();
  }
}
