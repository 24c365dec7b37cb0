package org.nin4j.kit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.nin4j.backend.cuda.CudaBackend;
import org.nin4j.plan.Precision;

/**
 * Training steps of ours and of PyTorch's in turn, in one run: same shapes, batch, optimizer and
 * data type, data on the GPU for both.
 */
final class PeerPart {
  private static final int ROUNDS = 5;
  private static final double ROUND_SECONDS = 0.2;

  /** The script's modes, those first that are likely the fastest and start in seconds. */
  private static final Map<Precision, List<String>> MODES =
      Map.of(
          Precision.BF16,
              List.of("channels-last-bf16-graph", "channels-last-bf16", "compiled-bf16"),
          Precision.TF32, List.of("eager-tf32", "compiled-tf32"),
          Precision.FP32, List.of("eager-fp32"));

  private PeerPart() {}

  static Outcome run(Room room) throws IOException {
    Path script = room.kit().resolve("peers/pytorch/nin_step.py");
    if (!Files.exists(script)) {
      return Outcome.skipped("the kit was built without bench/peers/pytorch/nin_step.py");
    }
    Optional<String> torch =
        new Program(
                List.of(
                    "python3",
                    "-c",
                    "import torch; torch.zeros(1).cuda(); print('PyTorch', torch.__version__, 'CUDA',"
                        + " torch.version.cuda, 'cuDNN', torch.backends.cudnn.version())"))
            .output(30);
    if (torch.isEmpty()) {
      return Outcome.skipped("there is no python3 with a torch that uses this GPU");
    }
    Map<String, Object> numbers = new LinkedHashMap<>();
    numbers.put("pytorch", torch.get());
    List<String> said = new ArrayList<>(List.of(torch.get()));
    try (CudaBackend backend = room.open()) {
      for (Precision precision : List.of(Precision.BF16, Precision.TF32, Precision.FP32)) {
        if (backend.computesIn(precision)) {
          race(room, script, backend, precision, numbers, said);
        }
      }
    }
    boolean ok = numbers.size() > 1;
    return Outcome.of(ok, String.join("; ", said), numbers);
  }

  private static void race(
      Room room,
      Path script,
      CudaBackend backend,
      Precision precision,
      Map<String, Object> numbers,
      List<String> said)
      throws IOException {
    String name = precision.name().toLowerCase(Locale.ROOT);
    Map<String, PeerProcess> peers = new LinkedHashMap<>();
    Map<String, Timings> timings = new LinkedHashMap<>();
    try (Nin nin = Nin.training(backend, precision, Nin.pixels(room), Nin.batch(room))) {
      timings.put("nin4j", new Timings(nin.batch()));
      int warmUp = room.small() ? 1 : 20;
      nin.run(warmUp);
      double step = nin.run(warmUp) / warmUp;
      int steps = room.small() ? 1 : Math.max(10, (int) (ROUND_SECONDS / step));
      for (String mode : MODES.get(precision)) {
        // Starting one takes some seconds, compiling more.
        if (room.secondsLeft() < 10) {
          said.add(name + ", " + mode + " left out for want of time");
          continue;
        }
        try {
          peers.put(mode, new PeerProcess(room, script, mode));
          peers.get(mode).run(warmUp, room.secondsLeft());
          timings.put("pytorch " + mode, new Timings(nin.batch()));
        } catch (IOException e) {
          said.add(name + ", " + mode + ": " + e.getMessage());
          Optional.ofNullable(peers.remove(mode)).ifPresent(PeerProcess::close);
        }
      }
      for (int round = 0; round < ROUNDS && !peers.isEmpty(); round++) {
        timings.get("nin4j").add(nin.run(steps) / steps);
        for (Map.Entry<String, PeerProcess> peer : peers.entrySet()) {
          double seconds = peer.getValue().run(steps, Math.max(10, room.secondsLeft()));
          timings.get("pytorch " + peer.getKey()).add(seconds / steps);
        }
      }
    } finally {
      peers.values().forEach(PeerProcess::close);
    }
    if (timings.size() > 1) {
      Map<String, Object> table = new LinkedHashMap<>();
      timings.forEach((engine, times) -> table.put(engine, times.numbers()));
      numbers.put(name, table);
      timings.forEach((engine, times) -> said.add(name + " " + engine + " " + times));
      double best =
          timings.entrySet().stream()
              .filter(entry -> !entry.getKey().equals("nin4j"))
              .mapToDouble(entry -> entry.getValue().imagesPerSecond())
              .max()
              .orElseThrow();
      double ratio = timings.get("nin4j").imagesPerSecond() / best;
      table.put("ratioToBest", ratio);
      said.add(String.format(Locale.ROOT, "%s: %.2f times the best of PyTorch", name, ratio));
    }
  }
}
