import java.util.Optional;
import org.nin4j.backend.Backend;
import org.nin4j.backend.choice.Devices;
import org.nin4j.model.Network;
import org.nin4j.model.zoo.Networks;
import org.nin4j.plan.PlacedPlan;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.plan.Precision;
import org.nin4j.plan.Purpose;
import org.nin4j.plan.step.BatchSpec;
import org.nin4j.plan.step.Learning;
import org.nin4j.plan.step.Sgd;
import org.nin4j.plan.step.Step;
import org.nin4j.tensor.Shape;

/** A plan is data: what a device will run, what it takes, and where each tensor lies. */
public class ReadThePlan {
  public static void main(String[] arguments) {
    Network lenet = Networks.named("lenet").network(10);
    Plan plan =
        Planner.plan(
            lenet,
            BatchSpec.unit(Shape.of(1, 28, 28), 28, 28),
            256,
            Precision.FP32,
            new Purpose.Training(Optional.of(Learning.by(Sgd.PLAIN)), 0));
    for (Step step : plan.steps()) {
      System.out.printf(
          "%-28s %-8s %,12d multiply-adds %,12d bytes%n",
          step.kind(), step.layer(), step.multiplyAdds(), step.bytes());
    }
    // Each backend has its own layouts, and may put several steps into one.
    try (Backend backend = Devices.open("cpu", 2)) {
      PlacedPlan placed = backend.prepare(plan);
      System.out.printf(
          "%d steps described, %d run by %s, in %,d bytes%n",
          plan.steps().size(), placed.plan().steps().size(), backend.description(), placed.bytes());
    }
  }
}
