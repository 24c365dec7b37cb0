package org.nin4j.kit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.nin4j.backend.StepCase;
import org.nin4j.backend.StepCases;
import org.nin4j.backend.StepSuite;
import org.nin4j.backend.StepSuite.Sums;
import org.nin4j.backend.cuda.CudaBackend;
import org.nin4j.plan.Precision;
import org.nin4j.tensor.DType;

/** Runs one case of each step kind under NVIDIA's compute-sanitizer: memcheck, then racecheck. */
final class SanitizerPart {
  private static final List<String> TOOLS = List.of("memcheck", "racecheck");

  /** Tells what the sanitizer found from how the cases went. */
  private static final int FOUND = 86;

  private SanitizerPart() {}

  static Outcome run(Room room) throws IOException {
    Optional<Path> sanitizer = sanitizer();
    if (sanitizer.isEmpty()) {
      return Outcome.skipped("compute-sanitizer is not installed; it comes with the CUDA toolkit");
    }
    Map<String, Object> numbers = new LinkedHashMap<>();
    boolean ok = true;
    for (int i = 0; i < TOOLS.size(); i++) {
      String tool = TOOLS.get(i);
      double seconds = room.secondsLeft() / (TOOLS.size() - i);
      Path log = room.out().resolve(tool + ".log");
      OptionalInt code = new Program(command(sanitizer.get(), tool, room)).run(log, seconds);
      String said = "ended after %.0f s".formatted(seconds);
      if (code.isPresent()) {
        said = code.getAsInt() == 0 ? "nothing found" : findings(code.getAsInt(), log);
      }
      numbers.put(tool, said);
      ok &= code.isPresent() && code.getAsInt() == 0;
    }
    return Outcome.of(ok, numbers.toString(), numbers);
  }

  private static List<String> command(Path sanitizer, String tool, Room room) {
    List<String> command =
        new ArrayList<>(
            List.of(
                sanitizer.toString(),
                "--tool=" + tool,
                "--error-exitcode=" + FOUND,
                "--target-processes=all"));
    if (tool.equals("memcheck")) {
      // The backend looks at every answer itself; cuDNN asks some things to see whether they fail.
      command.add("--report-api-errors=no");
    }
    command.addAll(room.commandOf(Part.SAMPLE.name(), Part.SAMPLE.seconds()));
    return command;
  }

  private static String findings(int code, Path log) throws IOException {
    String last =
        Files.readString(log, StandardCharsets.UTF_8)
            .lines()
            .filter(line -> line.contains("=========") && line.contains("SUMMARY"))
            .collect(Collectors.joining(" "));
    return "%s (exit code %d, see %s)"
        .formatted(last.isEmpty() ? "failed" : last, code, log.getFileName());
  }

  private static Optional<Path> sanitizer() {
    String path = Optional.ofNullable(System.getenv("PATH")).orElse("");
    return Stream.concat(
            Arrays.stream(path.split(":")).filter(folder -> !folder.isEmpty()),
            Stream.of("/usr/local/cuda/bin", "/usr/local/cuda/compute-sanitizer", "/opt/cuda/bin"))
        .map(folder -> Path.of(folder, "compute-sanitizer"))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /** What is watched: the first case of each kind of step in fp32 and in bf16. */
  static Outcome sample(Room room) {
    Map<String, StepCase> cases = new LinkedHashMap<>();
    for (DType type : new DType[] {DType.F32, DType.BF16}) {
      for (StepCase stepCase : StepCases.all(type, 1)) {
        cases.putIfAbsent(type + " " + stepCase.step().getClass().getSimpleName(), stepCase);
      }
    }
    try (CudaBackend backend = room.open()) {
      if (backend.computesIn(Precision.BF16)) {
        for (StepCase stepCase : StepCases.fused(1)) {
          cases.putIfAbsent(stepCase.step().kind(), stepCase);
        }
      }
      cases
          .values()
          .forEach(
              stepCase ->
                  StepSuite.check(backend, stepCase, stepCase.precision(), Sums.BY_TENSOR_CORES));
    }
    return Outcome.of(true, cases.size() + " cases", Map.of("cases", List.copyOf(cases.keySet())));
  }
}
