package org.nin4j.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.EnumSet;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.Step;
import org.nin4j.tensor.DType;

/** What every backend is asked for leaves nothing out. */
class StepCasesTest {
  private static final long SEED = 1;

  /** The records of a sealed hierarchy. */
  private static Stream<Class<?>> kinds(Class<?> sealed) {
    return sealed.isSealed()
        ? Stream.of(sealed.getPermittedSubclasses()).flatMap(StepCasesTest::kinds)
        : Stream.of(sealed);
  }

  @Test
  void everyKindOfStepHasACase() {
    Set<Class<?>> cases = new HashSet<>();
    for (DType type : new DType[] {DType.F32, DType.BF16}) {
      StepCases.all(type, SEED).forEach(c -> cases.add(c.step().getClass()));
    }
    StepCases.fused(SEED).forEach(c -> cases.add(c.step().getClass()));
    StepCases.foldedNorms(SEED).forEach(c -> cases.add(c.step().getClass()));
    StepCases.summedNorms(DType.F32, SEED).forEach(c -> cases.add(c.step().getClass()));
    assertEquals(kinds(Step.class).collect(Collectors.toSet()), cases);
  }

  @Test
  void everyKernelOfSeveralStepsHasACase() {
    Set<Fused.Kernel> cases = EnumSet.noneOf(Fused.Kernel.class);
    StepCases.fused(SEED).forEach(c -> cases.add(((Fused) c.step()).kernel()));
    assertEquals(EnumSet.allOf(Fused.Kernel.class), cases);
  }

  @Test
  void namesAreUnique() {
    for (DType type : new DType[] {DType.F32, DType.BF16}) {
      long names = StepCases.all(type, SEED).stream().map(StepCase::name).distinct().count();
      assertEquals(names, StepCases.all(type, SEED).size());
    }
  }
}
