package org.nin4j.kit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.nin4j.backend.cuda.CudaBackend;
import org.nin4j.plan.Precision;

/**
 * Training steps of ours and of PyTorch's in turn, in one run: same shapes, batch, optimizer and
 * data type, data on the GPU for both.
 */
final class PeerPart {
  private static final int ROUNDS = 5;
  private static final double ROUND_SECONDS = 0.2;

  /** What a first import of PyTorch takes on a cold disk. */
  private static final int IMPORT_SECONDS = 90;

  /** Below that, a mode need not be begun. */
  private static final int LEAST_SECONDS = 10;

  private static final Path SCRIPT = Path.of("peers/pytorch/nin_step.py");

  private PeerPart() {}

  /**
   * First the fastest of those that start in seconds, so that there is a ratio; then the one that
   * compiles and tunes for a minute or more.
   */
  static List<Figure> figures(Room room) {
    List<Figure> first =
        List.of(
            new Figure("pytorch", PeerPart::look),
            race(Precision.BF16, "channels-last-bf16-graph"),
            race(Precision.BF16, "compiled-bf16"));
    List<Figure> others =
        List.of(
            race(Precision.BF16, "channels-last-bf16"),
            race(Precision.TF32, "eager-tf32"),
            race(Precision.FP32, "eager-fp32"),
            race(Precision.TF32, "compiled-tf32"));
    return room.small() ? first : Stream.concat(first.stream(), others.stream()).toList();
  }

  private static void look(Room room, Findings findings) throws IOException {
    if (!Files.exists(room.kit().resolve(SCRIPT))) {
      findings.skip("the kit was built without bench/" + SCRIPT);
      return;
    }
    Optional<String> torch =
        new Program(
                List.of(
                    "python3",
                    "-c",
                    "import torch; torch.zeros(1).cuda(); print('PyTorch', torch.__version__, 'CUDA',"
                        + " torch.version.cuda, 'cuDNN', torch.backends.cudnn.version())"))
            .output(Math.min(IMPORT_SECONDS, room.secondsLeft()));
    if (torch.isEmpty()) {
      findings.skip("there is no python3 with a torch that uses this GPU");
      return;
    }
    findings.put("pytorch", torch.get(), torch.get());
  }

  private static Figure race(Precision precision, String mode) {
    return new Figure(mode, (r, findings) -> race(r, findings, precision, mode));
  }

  private static void race(Room room, Findings findings, Precision precision, String mode)
      throws IOException {
    if (room.secondsLeft() < LEAST_SECONDS) {
      throw new IOException("too little time was left to begin");
    }
    try (CudaBackend backend = room.open()) {
      if (!backend.computesIn(precision)) {
        return;
      }
      try (Nin nin = Nin.training(backend, precision, Nin.pixels(room), Nin.batch(room));
          PeerProcess peer = new PeerProcess(room, room.kit().resolve(SCRIPT), mode)) {
        int warmUp = room.small() ? 1 : 20;
        peer.run(warmUp, room.secondsLeft());
        nin.run(warmUp);
        double step = nin.run(warmUp) / warmUp;
        int steps = room.small() ? 1 : Math.max(10, (int) (ROUND_SECONDS / step));
        Timings ours = new Timings(nin.batch());
        Timings theirs = new Timings(nin.batch());
        for (int round = 0; round < (room.small() ? 1 : ROUNDS); round++) {
          ours.add(nin.run(steps) / steps);
          theirs.add(peer.run(steps, Math.max(LEAST_SECONDS, room.secondsLeft())) / steps);
          tell(findings, mode, ours, theirs);
        }
      }
    }
  }

  private static void tell(Findings findings, String mode, Timings ours, Timings theirs) {
    double ratio = ours.imagesPerSecond() / theirs.imagesPerSecond();
    findings.put(
        mode,
        Map.of("nin4j", ours.numbers(), "pytorch", theirs.numbers(), "ratio", ratio),
        String.format(
            Locale.ROOT, "%s: %.2f times PyTorch: %s against %s", mode, ratio, ours, theirs));
  }
}
