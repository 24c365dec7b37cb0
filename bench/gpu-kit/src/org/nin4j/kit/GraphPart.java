package org.nin4j.kit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.nin4j.backend.TrainingParity;
import org.nin4j.backend.TrainingParity.Trained;
import org.nin4j.backend.cuda.CudaBackend;
import org.nin4j.model.Network;
import org.nin4j.plan.Precision;

/**
 * Trains the same with a graph and without, NiN also with filter gradients on a second stream:
 * losses and parameters agree bit for bit.
 */
final class GraphPart {
  private static final int STEPS = 5;

  private GraphPart() {}

  static List<Figure> figures(Room room) {
    List<Figure> figures = new ArrayList<>();
    for (Precision precision : List.of(Precision.BF16, Precision.FP32, Precision.TF32)) {
      // On the processor NiN takes long, and one precision shows that it can be run.
      if (!room.small() || precision == Precision.BF16) {
        figures.add(
            new Figure("NiN in " + precision, (r, findings) -> nin(r, findings, precision)));
      }
      for (Network network : TrainingParity.networks()) {
        figures.add(
            new Figure(
                network.name() + " in " + precision,
                (r, findings) -> small(r, findings, network, precision)));
      }
    }
    return figures;
  }

  private static void small(Room room, Findings findings, Network network, Precision precision) {
    List<float[]> graph;
    List<float[]> steps;
    try (CudaBackend backend = room.open()) {
      if (!backend.computesIn(precision)) {
        return;
      }
      graph = bits(TrainingParity.train(backend, network, precision, 7));
    }
    try (CudaBackend backend = room.openWithoutGraph()) {
      steps = bits(TrainingParity.train(backend, network, precision, 7));
    }
    compare(findings, network.name() + " in " + precision, steps, graph);
  }

  private static void nin(Room room, Findings findings, Precision precision) {
    try (CudaBackend backend = room.open();
        CudaBackend singly = room.openWithoutGraph();
        CudaBackend beside = room.openWithSecondStream()) {
      if (backend.computesIn(precision)) {
        List<float[]> steps = nin(room, singly, precision);
        compare(findings, "NiN in " + precision, steps, nin(room, backend, precision));
        compare(
            findings,
            "NiN in " + precision + " on two streams",
            steps,
            nin(room, beside, precision));
      }
    }
  }

  private static void compare(
      Findings findings, String what, List<float[]> steps, List<float[]> graph) {
    boolean same = same(steps, graph);
    findings.put(what, same, what + (same ? ": the same bits" : ": compared"));
    if (!same) {
      findings.wrong(what, what + ": a graph gives other bits than single steps");
    }
  }

  private static List<float[]> bits(Trained trained) {
    List<float[]> values = new ArrayList<>(trained.parameters());
    for (double loss : trained.losses()) {
      values.add(new float[] {(float) loss});
    }
    return values;
  }

  private static List<float[]> nin(Room room, CudaBackend backend, Precision precision) {
    try (Nin nin = Nin.training(backend, precision, Nin.pixels(room), Nin.batch(room))) {
      nin.run(STEPS);
      return nin.parameters();
    }
  }

  private static boolean same(List<float[]> a, List<float[]> b) {
    for (int i = 0; i < a.size(); i++) {
      if (!Arrays.equals(a.get(i), b.get(i))) {
        return false;
      }
    }
    return a.size() == b.size();
  }
}
