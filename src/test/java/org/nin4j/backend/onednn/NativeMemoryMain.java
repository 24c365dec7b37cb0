package org.nin4j.backend.onednn;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.nin4j.backend.Backend;
import org.nin4j.backend.Session;
import org.nin4j.model.Network;
import org.nin4j.model.zoo.Networks;
import org.nin4j.plan.Plan;
import org.nin4j.plan.Planner;
import org.nin4j.tensor.Shape;
import org.nin4j.train.Classifier;
import org.nin4j.train.recipe.Recipe;
import org.nin4j.train.recipe.Recipes;

/**
 * Binds and closes sessions of oneDNN again and again, and prints how many bytes more the process
 * holds after so many times than before them. Arguments: {@code sessions}, {@code kept} (sessions
 * that are closed at the end only), {@code lost} (sessions that are never closed) or {@code
 * classifiers} with a checkpoint; the number of times.
 */
final class NativeMemoryMain {
  private static final Path PAGES = Path.of("/proc/self/smaps_rollup");

  private NativeMemoryMain() {}

  public static void main(String[] arguments) throws IOException {
    int times = Integer.parseInt(arguments[1]);
    List<Session> open = new ArrayList<>();
    try (Backend backend = new OneDnnBackend(1)) {
      Runnable cycle =
          switch (arguments[0]) {
            case "sessions" -> () -> run(backend).close();
            case "kept" -> () -> open.add(run(backend));
            case "lost" -> () -> run(backend);
            default -> () -> classify(Path.of(arguments[2]), backend);
          };
      // Until all code is loaded and malloc has its arenas.
      for (int i = 0; i < Math.max(20, times / 4); i++) {
        cycle.run();
      }
      long before = resident();
      for (int i = 0; i < times; i++) {
        cycle.run();
      }
      System.out.println(resident() - before);
      open.forEach(Session::close);
    }
  }

  private static Session run(Backend backend) {
    Recipe recipe = Recipes.d2l("nin-mini").toBuilder().size(28).batch(32).build();
    Network network = Networks.named("nin-mini").network(10);
    Plan plan =
        Planner.plan(
            network,
            recipe.images(Shape.of(1, 28, 28)),
            recipe.batch(),
            recipe.precisionOn(backend),
            recipe.purpose());
    return backend.bind(backend.prepare(plan));
  }

  private static void classify(Path checkpoint, Backend backend) {
    try (Classifier classifier = Classifier.load(checkpoint, backend)) {
      classifier.classify(new byte[Math.toIntExact(classifier.image().elements())]);
    }
  }

  private static long resident() throws IOException {
    System.gc();
    Optional<Long> kilobytes =
        Files.readAllLines(PAGES).stream()
            .filter(line -> line.startsWith("Rss:"))
            .map(line -> Long.parseLong(line.replaceAll("\\D", "")))
            .findFirst();
    return kilobytes.orElseThrow() << 10;
  }
}
