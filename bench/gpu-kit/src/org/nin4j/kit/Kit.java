package org.nin4j.kit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Proves and measures the CUDA backend on the machine at hand, part by part. */
@Command(
    name = "gpu-kit/run",
    header = "Proves and measures NiN4J's CUDA backend on this machine's GPU.",
    description = {
      "%nEnds with 0 if all parts that ran passed, with 1 if some failed, with 2 for a wrong command"
          + " line and with 8 if the GPU cannot be used.",
      ""
    },
    sortOptions = false,
    usageHelpAutoWidth = true)
final class Kit implements Callable<Integer> {
  private static final int FAILED = 1;
  private static final int NO_DEVICE = 8;

  private static final int SECONDS_WHEN_SMALL = 600;

  /** For starting and ending a process, and a step that is under way when the time is over. */
  private static final double GRACE_SECONDS = 20;

  @Option(
      names = "--only",
      split = ",",
      paramLabel = "PART",
      description = "Run these parts alone, after doctor. All parts: ${PARTS}.")
  private List<String> only = List.of();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Folder for report, logs and cache. Default: gpu-report in the current folder.")
  private Path out = Path.of("gpu-report");

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "Folder with the four files of Fashion-MNIST. Default: the kit's own.")
  private Optional<Path> data = Optional.empty();

  @Option(
      names = "--cuda-libs",
      paramLabel = "DIR",
      description = "Folder with CUDA libraries, taken before all others.")
  private List<Path> libraries = List.of();

  @Option(
      names = "--small",
      description = "Do just enough to have run everything once; the figures mean nothing.")
  private boolean small;

  @Option(names = "--kit", hidden = true, required = true)
  private Path kit = Path.of("");

  @Option(names = "--part", hidden = true)
  private Optional<String> part = Optional.empty();

  @Option(
      names = "--seconds",
      paramLabel = "N",
      description = "Give each part so many seconds instead of its own time.")
  private Optional<Integer> seconds = Optional.empty();

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Print this text.")
  private boolean help;

  private Kit() {}

  public static void main(String[] arguments) {
    System.setProperty(
        "PARTS", Part.ALL.stream().map(Part::name).collect(Collectors.joining(", ")));
    System.exit(new CommandLine(new Kit()).execute(arguments));
  }

  @Override
  public Integer call() throws IOException {
    out = out.toAbsolutePath();
    Files.createDirectories(out);
    Path own = kit.resolve("data");
    if (data.isEmpty() && Files.isDirectory(own)) {
      data = Optional.of(own);
    }
    return part.isPresent() ? runHere(named(part.get())) : runAll();
  }

  private static Part named(String name) {
    return Part.ALL.stream().filter(p -> p.name().equals(name)).findFirst().orElse(Part.SAMPLE);
  }

  /** On a busy processor, even what is small may take long. */
  private int limit(Part part) {
    return seconds.orElse(small ? SECONDS_WHEN_SMALL : part.seconds());
  }

  private Room room(Part part) {
    long deadline = System.nanoTime() + limit(part) * 1_000_000_000L;
    return new Room(kit, out, libraries, data, small, deadline);
  }

  /** In this process; whatever goes wrong is the outcome. */
  private int runHere(Part part) throws IOException {
    Outcome outcome;
    try {
      outcome = part.work().run(room(part));
    } catch (Exception | AssertionError | LinkageError e) {
      e.printStackTrace(System.out);
      outcome = Outcome.failed(String.valueOf(e.getMessage()));
    }
    System.out.println(outcome.summary());
    if (part != Part.SAMPLE) {
      Report.leave(outcomeOf(part), outcome);
    }
    return outcome.status() == Outcome.Status.FAILED ? FAILED : 0;
  }

  private Path outcomeOf(Part part) {
    return out.resolve(part.name() + ".outcome.json");
  }

  private int runAll() throws IOException {
    for (String name : only) {
      if (Part.ALL.stream().noneMatch(p -> p.name().equals(name))) {
        throw new ParameterException(
            new CommandLine(this),
            "there is no part '" + name + "'; there are " + System.getProperty("PARTS"));
      }
    }
    Path build = kit.resolve("BUILD");
    String arguments =
        (only.isEmpty() ? "" : " --only " + String.join(",", only)) + (small ? " --small" : "");
    Report report =
        new Report(
            "gpu-kit/run" + arguments,
            Files.exists(build) ? Files.readString(build).strip() : "of unknown build",
            ZonedDateTime.now()
                .truncatedTo(ChronoUnit.SECONDS)
                .format(DateTimeFormatter.ISO_OFFSET_DATE_TIME));
    for (Part next : Part.ALL) {
      boolean doctor = next == Part.ALL.get(0);
      if (!doctor && !only.isEmpty() && !only.contains(next.name())) {
        continue;
      }
      long begin = System.nanoTime();
      Outcome outcome = runInItsProcess(next);
      System.out.println(report.add(next, outcome, (System.nanoTime() - begin) / 1e9));
      report.write(out);
      if (doctor && outcome.status() == Outcome.Status.FAILED) {
        System.out.println("The rest needs a GPU. What was looked at: " + log(next));
        return NO_DEVICE;
      }
    }
    System.out.println("Report: " + out.resolve("report.txt") + ", " + out.resolve("report.json"));
    return report.passed() ? 0 : FAILED;
  }

  private Path log(Part part) {
    return out.resolve(part.name() + ".log");
  }

  private Outcome runInItsProcess(Part part) throws IOException {
    Files.deleteIfExists(outcomeOf(part));
    int limit = limit(part);
    OptionalInt code =
        new Program(room(part).commandOf(part.name(), limit)).run(log(part), limit + GRACE_SECONDS);
    if (code.isEmpty()) {
      return Outcome.failed(
          "was not done after %d s and was ended; see %s".formatted(limit, log(part)));
    }
    try {
      return Report.take(outcomeOf(part));
    } catch (IOException e) {
      return Outcome.failed(
          "ended with exit code %d; see %s".formatted(code.getAsInt(), log(part)));
    }
  }
}
