package org.nin4j.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.nin4j.backend.reference.ReferenceBackend;
import org.nin4j.plan.Plan;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.checkpoint.Position;
import org.nin4j.train.history.EpochResult;

/** A training that waits, and listeners that look closely at one. */
@Timeout(value = 600, unit = TimeUnit.SECONDS)
class PauseTest {
  /** A training in a thread of its own, with what it says of pauses. */
  private static final class Training implements TrainingListener {
    private final CountDownLatch paused = new CountDownLatch(1);
    private final AtomicReference<Position> at = new AtomicReference<>();
    private final AtomicReference<Trainer> trainer = new AtomicReference<>();
    private final FutureTask<Checkpoint> task = new FutureTask<>(() -> trainer.get().train());
    private final Thread thread = new Thread(task);

    /** Is paused after some training steps. */
    Training(int steps) {
      trainer.set(
          Trial.trainer(
              new CountingBackend(new ReferenceBackend(), true, steps, () -> trainer.get().pause()),
              Trial.recipe(),
              this));
      if (steps == 0) {
        trainer.get().pause();
      }
      thread.start();
    }

    @Override
    public void paused(Position where) {
      at.set(where);
      paused.countDown();
    }

    /** Until it waits, without computing. */
    void awaitPause() throws InterruptedException {
      paused.await();
      while (thread.getState() != Thread.State.WAITING) {
        Thread.onSpinWait();
      }
    }
  }

  private static void assertSame(Checkpoint expected, Checkpoint actual) {
    assertEquals(expected.position().epoch(), actual.position().epoch());
    assertEquals(losses(expected), losses(actual));
    expected
        .parameters()
        .forEach(
            (name, tensor) ->
                assertArrayEquals(
                    tensor.values(), actual.parameters().get(name).values(), 0, name));
  }

  private static List<Double> losses(Checkpoint of) {
    return of.history().epochs().stream().map(EpochResult::testLoss).toList();
  }

  @Test
  void aPauseChangesNoBitAndCountsAsNoTime() throws InterruptedException, ExecutionException {
    Checkpoint whole = Trial.trainer(Trial.recipe()).train();
    for (int steps : new int[] {0, 3, Trial.STEPS}) {
      long begin = System.nanoTime();
      Training training = new Training(steps);
      training.awaitPause();
      long waits = System.nanoTime();
      assertEquals(steps / Trial.STEPS, training.at.get().epoch());
      assertEquals(steps % Trial.STEPS, training.at.get().step());
      // Long enough to be seen among the few milliseconds that the steps take.
      TimeUnit.MILLISECONDS.sleep(100);
      double waited = (System.nanoTime() - waits) / 1e9;
      training.trainer.get().goOn();
      Checkpoint last = training.task.get();
      double all = (System.nanoTime() - begin) / 1e9;
      assertSame(whole, last);
      double trained = last.history().epochs().stream().mapToDouble(EpochResult::seconds).sum();
      assertTrue(trained <= all - waited, trained + " of " + all + " less " + waited);
    }
  }

  @Test
  void whatIsPausedCanBeStoppedAndGoesOnLater() throws InterruptedException, ExecutionException {
    Checkpoint whole = Trial.trainer(Trial.recipe()).train();
    Training training = new Training(10);
    training.awaitPause();
    training.trainer.get().stop();
    Checkpoint stopped = training.task.get();
    assertEquals(1, stopped.position().epoch());
    assertEquals(3, stopped.position().step());
    assertSame(whole, Trial.trainer(Trial.recipe()).resume(stopped));
  }

  @Test
  void toBeInterruptedInAPauseIsToBeStopped() throws InterruptedException, ExecutionException {
    Training training = new Training(2);
    training.awaitPause();
    training.thread.interrupt();
    assertEquals(2, training.task.get().position().step());
  }

  @Test
  void stepsAreTimedAndAnswersGivenOnDemandWithTheSameBits() {
    List<Plan> plans = new ArrayList<>();
    List<long[]> times = new ArrayList<>();
    List<Evaluation> evaluations = new ArrayList<>();
    TrainingListener curious =
        new TrainingListener() {
          @Override
          public boolean wantsStepTimes() {
            return true;
          }

          @Override
          public void timed(Plan plan, List<long[]> nanoseconds) {
            plans.add(plan);
            times.addAll(nanoseconds);
          }

          @Override
          public boolean wantsAnswers() {
            return true;
          }

          @Override
          public void examined(int epoch, Evaluation evaluation) {
            evaluations.add(evaluation);
            assertEquals(evaluations.size(), epoch);
          }
        };
    Checkpoint watched = Trial.trainer(Trial.recipe(), curious).train();
    assertSame(Trial.trainer(Trial.recipe()).train(), watched);
    assertEquals(1, plans.size());
    assertEquals(5, times.size());
    times.forEach(run -> assertEquals(plans.get(0).steps().size(), run.length));
    assertEquals(3, evaluations.size());
    for (int epoch = 0; epoch < 3; epoch++) {
      EpochResult result = watched.history().epochs().get(epoch);
      Evaluation evaluation = evaluations.get(epoch);
      assertEquals(result.testLoss(), evaluation.metrics().loss());
      assertEquals(30, evaluation.answers().size());
      assertEquals(Math.round(30 * (1 - result.testAccuracy())), evaluation.mistakes().size());
    }
  }
}
