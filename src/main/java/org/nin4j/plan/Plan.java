package org.nin4j.plan;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.nin4j.plan.step.MakeBatch;
import org.nin4j.plan.step.Step;
import org.nin4j.plan.step.TensorSpec;

/**
 * What to compute, in order; not yet where.
 *
 * @param network its name
 * @param batch samples per step, at most
 * @param precision which tensors have fewer bits
 * @param steps in execution order
 * @param kept activations that must keep their values to the end of a run and, where no step writes
 *     them, from its beginning, because someone outside reads or writes them; and what is derived
 *     once from parameters, which keeps its values from one run to the next
 */
public record Plan(
    String network, int batch, Precision precision, List<Step> steps, Set<TensorSpec> kept) {
  public Plan {
    steps = List.copyOf(steps);
    kept = Set.copyOf(kept);
  }

  /** Every tensor once, in order of first use. */
  public List<TensorSpec> tensors() {
    Set<TensorSpec> tensors = new LinkedHashSet<>();
    for (Step step : steps) {
      tensors.addAll(step.reads());
      tensors.addAll(step.writes());
    }
    return List.copyOf(tensors);
  }

  /** The tensors of one role, in order of first use: layer order for parameters. */
  public List<TensorSpec> tensors(TensorSpec.Role role) {
    return tensors().stream().filter(t -> t.role() == role).toList();
  }

  /** The tensor of that name. */
  public TensorSpec tensor(String name) {
    return tensors().stream()
        .filter(t -> t.name().equals(name))
        .findFirst()
        .orElseThrow(
            () -> new NoSuchElementException("the plan of " + network + " has no tensor " + name));
  }

  /** The steps of one kind, in order. */
  public <S extends Step> Stream<S> steps(Class<S> kind) {
    return steps.stream().filter(kind::isInstance).map(kind::cast);
  }

  /** The step that makes the batch, if this plan has one. */
  public Optional<MakeBatch> batchStep() {
    return steps(MakeBatch.class).findFirst();
  }

  /** The steps that read a tensor, in order. */
  public List<Step> readers(TensorSpec tensor) {
    return steps.stream().filter(s -> s.reads().contains(tensor)).toList();
  }

  /**
   * Whether a tensor is of use to that step alone, so that a rewrite which puts the step together
   * with the one before it need not store the tensor.
   */
  public boolean isOnlyFor(TensorSpec tensor, Step reader) {
    return !kept.contains(tensor) && readers(tensor).equals(List.of(reader));
  }

  /** The same plan with other steps: the result of a rewrite. */
  public Plan withSteps(List<Step> rewritten) {
    return new Plan(network, batch, precision, rewritten, kept);
  }

  /** The same plan with these activations kept too. */
  public Plan keeping(java.util.Collection<TensorSpec> more) {
    Set<TensorSpec> all = new LinkedHashSet<>(kept);
    all.addAll(more);
    return new Plan(network, batch, precision, steps, all);
  }

  /** Multiply-adds of one run. */
  public long multiplyAdds() {
    return steps.stream().mapToLong(Step::multiplyAdds).sum();
  }
}
