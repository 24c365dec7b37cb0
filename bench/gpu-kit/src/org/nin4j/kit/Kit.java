package org.nin4j.kit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.nin4j.kit.Findings.Status;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Proves and measures the CUDA backend on the machine at hand, part by part. */
@Command(
    name = "gpu-kit/run",
    header = "Proves and measures NiN4J's CUDA backend on this machine's GPU.",
    description = {
      "%nEnds with 0 if all parts that ran passed, with 1 if some failed or were not through in"
          + " time, with 2 for a wrong command line and with 8 if the GPU cannot be used.",
      ""
    },
    sortOptions = false,
    usageHelpAutoWidth = true)
final class Kit implements Callable<Integer> {
  private static final int FAILED = 1;
  private static final int NO_DEVICE = 8;

  private static final FileTime NEVER = FileTime.fromMillis(0);
  private static final int SECONDS_WHEN_SMALL = 1200;

  /** Of a part's time: what has not begun by then is left out, so that the rest can end. */
  private static final double SHARE_TO_BEGIN = 0.9;

  @Option(
      names = "--only",
      split = ",",
      paramLabel = "PART",
      description = "Run these parts alone, after doctor. All parts, by worth: ${PARTS}.")
  private List<String> only = List.of();

  @Option(
      names = "--figures",
      split = ",",
      paramLabel = "TEXT",
      description = "Of each part, only the figures whose names contain one of these texts.")
  private List<String> texts = List.of();

  @Option(
      names = "--beside",
      description =
          "After the parts that measure time, run the others side by side, a process for each figure:"
              + " where there are many processors, and a GPU for a short time.")
  private boolean beside;

  @Option(
      names = "--budget",
      paramLabel = "SECONDS",
      description =
          "Be done after the given number of seconds: parts for which no time is left are left out,"
              + " the least worth first.")
  private Optional<Integer> budget = Optional.empty();

  @Option(
      names = "--seconds",
      paramLabel = "N",
      description = "Give each part the given number of seconds instead of its own time.")
  private Optional<Integer> seconds = Optional.empty();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description =
          "Folder for report.json, report.txt and logs.tar.gz, and nothing else. Default:"
              + " gpu-report in the current folder.")
  private Path out = Path.of("gpu-report");

  @Option(
      names = "--work",
      paramLabel = "DIR",
      description =
          "Folder for Java's run time, the cache of kernels and algorithms, and logs. Default:"
              + " gpu-work in the current folder.")
  private Path work = Path.of("gpu-work");

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

  @Option(names = "--figure", hidden = true)
  private Optional<Integer> figure = Optional.empty();

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Print this text.")
  private boolean help;

  private final long begin = System.nanoTime();
  private final Set<String> printed = new HashSet<>();
  private final Map<Job, FileTime> seen = new ConcurrentHashMap<>();

  /**
   * What a process does.
   *
   * @param figure the number of the only one of the part's, if not all
   */
  private record Job(Part part, Optional<Integer> figure) {
    Job(Part part) {
      this(part, Optional.empty());
    }

    String name() {
      return part.name() + figure.map(number -> "-" + (number + 1)).orElse("");
    }
  }

  private Kit() {}

  public static void main(String[] arguments) {
    System.setProperty(
        "PARTS", Part.ALL.stream().map(Part::name).collect(Collectors.joining(", ")));
    System.exit(new CommandLine(new Kit()).execute(arguments));
  }

  @Override
  public Integer call() throws IOException {
    out = out.toAbsolutePath();
    work = work.toAbsolutePath();
    Path own = kit.resolve("data");
    if (data.isEmpty() && Files.isDirectory(own)) {
      data = Optional.of(own);
    }
    return part.isPresent() ? runHere(new Job(named(part.get()), figure)) : runAll();
  }

  private static Part named(String name) {
    return Part.ALL.stream().filter(p -> p.name().equals(name)).findFirst().orElse(Part.SAMPLE);
  }

  private double secondsSpent() {
    return (System.nanoTime() - begin) / 1e9;
  }

  private double budgetLeft() {
    return budget.map(all -> all - secondsSpent()).orElse(Double.POSITIVE_INFINITY);
  }

  /** On a busy processor, even what is small may take long. */
  private double limit(Part part) {
    int own = seconds.orElse(small ? SECONDS_WHEN_SMALL : part.seconds());
    return Math.min(own, budgetLeft());
  }

  private Room room(double limit) {
    long deadline = System.nanoTime() + (long) (SHARE_TO_BEGIN * limit * 1e9);
    return new Room(kit, work, libraries, data, small, deadline);
  }

  private Path findingsOf(Job job) {
    return work.resolve(job.name() + ".json");
  }

  /**
   * In this process: figure by figure, from the first on with which no process has begun. After one
   * that failed the process ends, since a GPU's error may be in the way of all that follows; the
   * next process goes on after it.
   */
  private int runHere(Job job) throws IOException {
    if (job.part() == Part.SAMPLE) {
      Files.deleteIfExists(findingsOf(job));
    }
    // Without the kit nobody would end this process.
    ProcessHandle.current()
        .parent()
        .ifPresent(kit -> kit.onExit().thenRun(() -> Runtime.getRuntime().halt(FAILED)));
    Findings findings = Findings.in(findingsOf(job));
    Room room = room(limit(job.part()));
    List<Figure> figures = figures(job, room);
    findings.plan(figures.stream().map(Figure::name).toList());
    for (Figure figure : figures) {
      if (findings.begun(figure.name())) {
        continue;
      }
      if (!room.timeLeft() || findings.skipped().isPresent()) {
        break;
      }
      findings.begin(figure.name());
      try {
        figure.work().run(room, findings);
        findings.done();
      } catch (Throwable e) { // Whatever it is, errors of memory and linking too, is the outcome.
        e.printStackTrace(System.out);
        findings.lose(String.valueOf(e.getMessage() == null ? e : e.getMessage()));
        return FAILED;
      }
    }
    findings.finish();
    return findings.status() == Status.FAILED ? FAILED : 0;
  }

  private List<Figure> figures(Job job, Room room) {
    List<Figure> all = job.part().figures().apply(room);
    return job.figure().isPresent()
        ? List.of(all.get(job.figure().get()))
        : all.stream().filter(this::isWanted).toList();
  }

  private boolean isWanted(Figure figure) {
    return texts.isEmpty() || texts.stream().anyMatch(figure.name()::contains);
  }

  private int runAll() throws IOException {
    for (String name : only) {
      if (Part.ALL.stream().noneMatch(p -> p.name().equals(name))) {
        throw new ParameterException(
            new CommandLine(this),
            "there is no part '" + name + "'; there are " + System.getProperty("PARTS"));
      }
    }
    Files.createDirectories(out);
    Path logs = Files.createDirectories(work.resolve("logs"));
    try (Stream<Path> old = Files.list(logs)) {
      for (Path log : old.toList()) {
        Files.delete(log);
      }
    }
    Path build = kit.resolve("BUILD");
    Report report =
        new Report(
            commandLine(),
            Files.exists(build) ? Files.readString(build).strip() : "of unknown build",
            ZonedDateTime.now()
                .truncatedTo(ChronoUnit.SECONDS)
                .format(DateTimeFormatter.ISO_OFFSET_DATE_TIME));
    List<String> left = new ArrayList<>();
    List<Job> together = new ArrayList<>();
    for (Part next : Part.ALL) {
      boolean doctor = next == Part.ALL.get(0);
      if (!doctor && !only.isEmpty() && !only.contains(next.name())) {
        continue;
      }
      if (beside && !doctor && !next.timed()) {
        List<Figure> all = next.figures().apply(room(limit(next)));
        IntStream.range(0, all.size())
            .filter(number -> isWanted(all.get(number)))
            .forEach(number -> together.add(new Job(next, Optional.of(number))));
        continue;
      }
      Findings findings = runAndTell(new Job(next), report, left);
      if (doctor && findings.anyWrong()) {
        System.out.println("The rest needs a GPU. What was looked at: " + logs);
        return NO_DEVICE;
      }
    }
    runBeside(together, report, left);
    if (!left.isEmpty()) {
      System.out.println("For another call: --only " + String.join(",", left));
    }
    System.out.println("Report: " + out.resolve("report.txt") + ", " + out.resolve("report.json"));
    return report.passed() ? 0 : FAILED;
  }

  private Findings runAndTell(Job job, Report report, List<String> left) throws IOException {
    double begun = secondsSpent();
    Findings findings;
    if (budgetLeft() < job.part().least()) {
      findings = leftOut(job);
      synchronized (left) {
        if (!left.contains(job.part().name())) {
          left.add(job.part().name());
        }
      }
    } else {
      findings = run(job, report);
    }
    tell(report, job, findings, begun);
    System.out.printf(
        Locale.ROOT,
        "%s: %s after %.0f s%n",
        job.name(),
        findings.status().name().toLowerCase(Locale.ROOT),
        secondsSpent() - begun);
    return findings;
  }

  /** Each in a thread of its own that waits for its process. */
  private void runBeside(List<Job> jobs, Report report, List<String> left) throws IOException {
    ExecutorService threads = Executors.newFixedThreadPool(Math.max(1, jobs.size()));
    try {
      List<Future<Findings>> running =
          jobs.stream().map(job -> threads.submit(() -> runAndTell(job, report, left))).toList();
      for (Future<Findings> one : running) {
        one.get();
      }
    } catch (ExecutionException e) {
      throw new IOException(e.getCause());
    } catch (InterruptedException e) {
      throw new IOException(e);
    } finally {
      threads.shutdownNow();
    }
  }

  private String commandLine() {
    return "gpu-kit/run"
        + (only.isEmpty() ? "" : " --only " + String.join(",", only))
        + (texts.isEmpty() ? "" : " --figures \"" + String.join(",", texts) + "\"")
        + (beside ? " --beside" : "")
        + budget.map(all -> " --budget " + all).orElse("")
        + seconds.map(each -> " --seconds " + each).orElse("")
        + (small ? " --small" : "");
  }

  private Findings leftOut(Job job) throws IOException {
    Files.deleteIfExists(findingsOf(job));
    Findings findings = Findings.in(findingsOf(job));
    findings.skip(
        "left for another call: %.0f s are left, and it takes %d s at the least"
            .formatted(Math.max(0, budgetLeft()), job.part().least()));
    return findings;
  }

  /** In a process of its own, and in another after each figure that is lost. */
  private Findings run(Job job, Report report) throws IOException {
    Files.deleteIfExists(findingsOf(job));
    double limit = limit(job.part());
    double begun = secondsSpent();
    while (true) {
      int before = Findings.in(findingsOf(job)).countBegun();
      double left = limit - (secondsSpent() - begun);
      OptionalInt code =
          new Program(commandOf(job, left))
              .run(room(left).log(job.name()), left, () -> look(report, job, begun));
      Findings findings = Findings.in(findingsOf(job));
      if (findings.finished()) {
        return findings;
      }
      if (code.isEmpty()) {
        findings.lose("the part's %.0f s were over, and it was ended".formatted(limit));
      } else {
        findings.lose("its process ended with exit code %d".formatted(code.getAsInt()));
        if (findings.countBegun() == 0) {
          findings.wrong("process", "ended with exit code %d".formatted(code.getAsInt()));
        }
      }
      boolean over = limit - (secondsSpent() - begun) < 1;
      if (code.isEmpty() || over || findings.countBegun() == before) {
        findings.finish();
        return findings;
      }
    }
  }

  private List<String> commandOf(Job job, double seconds) {
    List<String> command =
        new ArrayList<>(room(seconds).commandOf(job.part().name(), (long) seconds));
    job.figure().ifPresent(number -> command.add("--figure=" + number));
    // Without doctor's figures nothing else would be known of the machine.
    if (!texts.isEmpty() && job.part() != Part.ALL.get(0)) {
      command.add("--figures=" + String.join(",", texts));
    }
    return command;
  }

  /** Takes what a part has found since into the report. */
  private void look(Report report, Job job, double begun) {
    try {
      Path file = findingsOf(job);
      FileTime now = Files.exists(file) ? Files.getLastModifiedTime(file) : NEVER;
      if (!now.equals(seen.put(job, now))) {
        tell(report, job, Findings.in(file), begun);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private synchronized void tell(Report report, Job job, Findings findings, double begun)
      throws IOException {
    boolean first = report.put(job.name(), job.part().title(), findings, secondsSpent() - begun);
    List<String> news =
        findings.sentences().stream()
            .filter(sentence -> printed.add(job.name() + ": " + sentence))
            .toList();
    news.forEach(sentence -> System.out.println(job.name() + ": " + sentence));
    report.write(out);
    if (first || !news.isEmpty() || findings.finished()) {
      pack();
    }
  }

  /** All logs in one file: a borrowed machine may give back but a few. */
  private void pack() throws IOException {
    Path fresh = work.resolve("logs.tar.gz");
    new Program(List.of("tar", "-czf", fresh.toString(), "-C", work.toString(), "logs"))
        .run(work.resolve("tar.log"), 20);
    if (Files.exists(fresh)) {
      Path part = out.resolve("logs.tar.gz.part");
      Files.copy(fresh, part, StandardCopyOption.REPLACE_EXISTING);
      Files.move(part, out.resolve("logs.tar.gz"), StandardCopyOption.ATOMIC_MOVE);
    }
  }
}
