package org.nin4j.kit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
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

  static Outcome run(Room room) {
    List<String> equal = new ArrayList<>();
    List<String> different = new ArrayList<>();
    for (Precision precision : Precision.values()) {
      for (Network network : TrainingParity.networks()) {
        List<float[]> graph;
        List<float[]> steps;
        try (CudaBackend backend = room.open()) {
          if (!backend.computesIn(precision)) {
            continue;
          }
          graph = bits(TrainingParity.train(backend, network, precision, 7));
        }
        try (CudaBackend backend = room.openWithoutGraph()) {
          steps = bits(TrainingParity.train(backend, network, precision, 7));
        }
        (same(graph, steps) ? equal : different).add(network.name() + " in " + precision);
      }
      try (CudaBackend backend = room.open();
          CudaBackend singly = room.openWithoutGraph();
          CudaBackend beside = room.openWithSecondStream()) {
        if (backend.computesIn(precision)) {
          List<float[]> expected = nin(room, singly, precision);
          boolean graph = same(expected, nin(room, backend, precision));
          (graph ? equal : different).add("NiN in " + precision);
          boolean branched = same(expected, nin(room, beside, precision));
          (branched ? equal : different).add("NiN in " + precision + " on two streams");
        }
      }
    }
    return Outcome.of(
        different.isEmpty(),
        different.isEmpty()
            ? "the same bits in " + String.join(", ", equal)
            : "other bits in " + String.join(", ", different),
        Map.of("equal", equal, "different", different));
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
