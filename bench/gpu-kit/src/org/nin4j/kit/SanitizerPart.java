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
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.nin4j.backend.StepCase;
import org.nin4j.backend.StepCases;
import org.nin4j.backend.StepSuite;
import org.nin4j.backend.StepSuite.Sums;
import org.nin4j.backend.cuda.CudaBackend;
import org.nin4j.plan.Precision;
import org.nin4j.plan.step.Fused;
import org.nin4j.plan.step.Step;
import org.nin4j.tensor.DType;

/** Runs one case of each step kind under NVIDIA's compute-sanitizer: memcheck, then racecheck. */
final class SanitizerPart {
  private static final List<String> TOOLS = List.of("memcheck", "racecheck");

  /** Tells what the sanitizer found from how the cases went. */
  private static final int FOUND = 86;

  /** Which cases are watched: the numbers of what {@link #sample} lists. */
  private static final int ALL = 0;

  private static final int OURS = 1;

  private static final Pattern KERNEL =
      Pattern.compile("__global__\\s+void\\s+__launch_bounds__\\([^)]*\\)\\s+(\\w+)");

  private SanitizerPart() {}

  static List<Figure> figures(Room room) {
    List<Figure> figures = new ArrayList<>();
    for (int i = 0; i < TOOLS.size(); i++) {
      String tool = TOOLS.get(i);
      double share = 1.0 / (TOOLS.size() - i);
      figures.add(
          new Figure(tool, (r, findings) -> watch(r, findings, tool, share * r.secondsLeft())));
    }
    return figures;
  }

  private static void watch(Room room, Findings findings, String tool, double seconds)
      throws IOException {
    Optional<Path> sanitizer = sanitizer();
    if (sanitizer.isEmpty()) {
      findings.skip("compute-sanitizer is not installed; it comes with the CUDA toolkit");
      return;
    }
    Path log = room.log(tool);
    OptionalInt code = new Program(command(sanitizer.get(), tool, room)).run(log, seconds);
    String said = "was not through after %.0f s, and found nothing".formatted(seconds);
    if (code.isPresent()) {
      said = code.getAsInt() == 0 ? "nothing found" : findings(code.getAsInt(), log);
    } else if (Files.readString(log).contains("========= Invalid")) {
      said = "was not through after %.0f s; see what it has found".formatted(seconds);
    }
    if (code.isPresent() && code.getAsInt() == 0) {
      findings.put(tool, said, tool + ": " + said);
    } else {
      findings.wrong(tool, tool + ": " + said);
    }
  }

  private static List<String> command(Path sanitizer, String tool, Room room) throws IOException {
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
    // Watching cuDNN's kernels too takes many times as long.
    for (String kernel : kernels(room.kit().resolve("cuda"))) {
      command.add("--kernel-name");
      command.add("kns=" + kernel);
    }
    command.addAll(room.commandOf(Part.SAMPLE.name(), Part.SAMPLE.seconds()));
    // Under racecheck cuDNN's kernels for bf16 have come to grief in the tool itself, on an H100.
    command.add("--figure=" + (tool.equals("racecheck") ? OURS : ALL));
    return command;
  }

  /** The names of all kernels in a folder of sources. */
  private static Set<String> kernels(Path folder) throws IOException {
    Set<String> names = new TreeSet<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".cu")).toList()) {
        Matcher matcher = KERNEL.matcher(Files.readString(file, StandardCharsets.UTF_8));
        while (matcher.find()) {
          names.add(matcher.group(1));
        }
      }
    }
    return names;
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
  static List<Figure> sample(Room room) {
    return List.of(
        new Figure("all cases", (r, findings) -> cases(r, step -> true)),
        new Figure("cases of our own kernels", (r, findings) -> cases(r, SanitizerPart::isOurs)));
  }

  /** Whether kernels of ours compute the step, and none of a library's. */
  private static boolean isOurs(Step step) {
    return step instanceof Fused fused ? isOurs(fused.kernel()) : step.multiplyAdds() == 0;
  }

  private static boolean isOurs(Fused.Kernel kernel) {
    return switch (kernel) {
      case POINTWISE_PAIR, NIN_BLOCK_FORWARD, NIN_BLOCK_BACKWARD, HEAD_FORWARD, HEAD_BACKWARD ->
          true;
      case DATA_GRADIENT_RELU, NORM_FORWARD, NORM_BACKWARD -> false;
    };
  }

  private static void cases(Room room, Predicate<Step> wanted) {
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
      cases.values().removeIf(stepCase -> !wanted.test(stepCase.step()));
      for (Map.Entry<String, StepCase> named : cases.entrySet()) {
        System.out.println(named.getKey());
        StepCase stepCase = named.getValue();
        StepSuite.check(backend, stepCase, stepCase.precision(), Sums.BY_TENSOR_CORES);
        if (room.small()) {
          break;
        }
      }
    }
  }
}
