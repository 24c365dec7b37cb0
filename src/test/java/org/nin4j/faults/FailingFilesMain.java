package org.nin4j.faults;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.nin4j.cli.Shell;
import org.nin4j.cli.Shell.Outcome;
import org.nin4j.data.folder.Pictures;
import org.nin4j.faults.Faults.Fault;
import org.nin4j.tensor.HostTensor;
import org.nin4j.text.Text;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.history.Timeless;
import org.nin4j.train.run.RunCheckpoints;
import org.nin4j.train.run.RunConfigs;

/**
 * Lets each file operation of a command fail in turn, in each way, and compares what comes of it
 * with an undisturbed run. In a process whose file system is {@link FaultyFileSystemProvider}.
 *
 * <p>Arguments: a folder, the scenario's name, the first operation that fails and the distance to
 * the next. Prints a line for each fault with the number of cases, and one for all that is wrong.
 */
final class FailingFilesMain {
  private static final int OK = 0;
  private static final int USAGE = 2;
  private static final int BUG = 1;

  private final Path base;
  private final Scenario scenario;
  private final List<String> wrong = new ArrayList<>();

  private FailingFilesMain(Path base, Scenario scenario) {
    this.base = base;
    this.scenario = scenario;
  }

  public static void main(String[] arguments) throws IOException {
    Path base = Path.of(arguments[0]).toAbsolutePath();
    Scenario scenario =
        switch (arguments[1]) {
          case "train" -> new Training(base, false);
          case "resume" -> new Training(base, true);
          case "pictures" -> new Loading(base, true);
          case "idx" -> new Loading(base, false);
          case "export" -> new Exporting(base);
          default -> throw new IllegalArgumentException(arguments[1]);
        };
    FailingFilesMain all = new FailingFilesMain(base, scenario);
    all.run(Integer.parseInt(arguments[2]), Integer.parseInt(arguments[3]));
    all.wrong.forEach(line -> System.out.println("WRONG " + line));
    System.exit(all.wrong.isEmpty() ? 0 : 1);
  }

  /** A command, and what must hold whatever fails. */
  private interface Scenario {
    /** Makes what the command needs, in a new folder. */
    void prepare(Path work) throws IOException;

    /** Below which its files fail. */
    default Path watched(Path work) {
      return work.resolve("watched");
    }

    String[] command(Path work) throws IOException;

    /** Where its words are run. */
    default Shell shell(Path work) {
      return new Shell(work);
    }

    /** Remembers what an undisturbed run has left. */
    void remember(Path work) throws IOException;

    /** What a failure must leave, while nothing has been mended. */
    void requireIntact(Path work, Outcome outcome, boolean mayLeave) throws IOException;

    /** Does what a user does once the disk is well again, and compares the end. */
    void requireSameEnd(Path work, Outcome outcome) throws IOException;
  }

  private static void require(boolean right, String otherwise) {
    if (!right) {
      throw new IllegalStateException(otherwise);
    }
  }

  private Path work(String name) throws IOException {
    Path work = Files.createDirectories(base.resolve(name));
    scenario.prepare(work);
    return work;
  }

  private static Outcome nin(Path work, String... command) {
    return new Shell(work).run(command);
  }

  private void run(int first, int stride) throws IOException {
    Path whole = work("whole");
    String[] words = scenario.command(whole);
    Faults.begin(scenario.watched(whole), scenario.watched(whole), Fault.NONE, 0);
    Outcome undisturbed = scenario.shell(whole).run(words);
    List<String> operations = Faults.end();
    require(undisturbed.code() == OK, "undisturbed: " + undisturbed);
    scenario.remember(whole);
    System.out.println(operations.size() + " operations");
    for (Fault fault : Fault.values()) {
      Map<Integer, Integer> codes = new TreeMap<>();
      boolean always = fault == Fault.NONE || fault == Fault.SLOW;
      for (int n = always ? operations.size() : first;
          n <= operations.size();
          n += always ? operations.size() : stride) {
        codes.merge(runOnce(fault, n, operations.get(n - 1)), 1, Integer::sum);
      }
      System.out.println(fault + " exit codes and how often: " + codes);
    }
  }

  private int runOnce(Fault fault, int number, String operation) throws IOException {
    Path work = work("faulty");
    String[] words = scenario.command(work);
    Faults.begin(scenario.watched(work), scenario.watched(work), fault, number);
    Outcome outcome;
    List<String> seen;
    try {
      outcome = scenario.shell(work).run(words);
    } finally {
      seen = Faults.end();
    }
    String failing = seen.size() < number ? operation : seen.get(number - 1);
    try {
      String told = String.join("\n", outcome.err());
      require(outcome.code() != BUG, "a bug");
      require(outcome.code() == OK || outcome.err().size() == 1, "not one line");
      require(!told.contains("Exception"), "not for people");
      boolean mayLeave =
          fault == Fault.GONE
              || fault == Fault.READ_ONLY
              || fault == Fault.VANISHED
              || failing.startsWith("DELETE");
      scenario.requireIntact(work, outcome, mayLeave);
      scenario.requireSameEnd(work, outcome);
    } catch (RuntimeException | IOException e) {
      wrong.add(
          Text.of(
              "%s at %d (%s): %s; code %d, %s, %s",
              fault, number, failing, e, outcome.code(), last(outcome.out()), outcome.err()));
    }
    deleteTree(work);
    return outcome.code();
  }

  private static List<String> last(List<String> lines) {
    return lines.subList(Math.max(0, lines.size() - 3), lines.size());
  }

  private static List<Path> list(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }

  private static List<Path> tree(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(folder)) {
      return files.toList();
    }
  }

  private static void deleteTree(Path folder) throws IOException {
    for (Path path : tree(folder).stream().sorted(Comparator.reverseOrder()).toList()) {
      Files.delete(path);
    }
  }

  private static void copyTree(Path from, Path to) throws IOException {
    for (Path path : tree(from)) {
      Path target = to.resolve(from.relativize(path));
      if (Files.isDirectory(path)) {
        Files.createDirectories(target);
      } else {
        Files.write(target, Files.readAllBytes(path));
      }
    }
  }

  /** Draws pictures of two kinds. */
  private static void draw(Path folder, int count) throws IOException {
    Random random = new Random(1);
    for (int i = 0; i < count; i++) {
      Path kind = folder.resolve(i % 2 == 0 ? "even" : "odd");
      Pictures.grey(random, kind.resolve(i + ".png"), 8, 8);
    }
  }

  private static String name(Path file) {
    return file.getFileName().toString();
  }

  private static void requireNoHalves(Path folder) throws IOException {
    List<Path> halves = tree(folder).stream().filter(f -> name(f).endsWith(".part")).toList();
    require(halves.isEmpty(), "left over: " + halves);
  }

  private static void requireSame(Checkpoint expected, Checkpoint actual) {
    requireSame(expected, actual, true);
  }

  private static void requireSame(Checkpoint expected, Checkpoint actual, boolean best) {
    require(expected.position().step() == actual.position().step(), "another step");
    require(expected.position().epoch() == actual.position().epoch(), "another epoch");
    require(!best || expected.best().equals(actual.best()), "another best epoch");
    require(
        Timeless.of(expected.history()).equals(Timeless.of(actual.history())), "another history");
    requireSame(expected.parameters(), actual.parameters());
    requireSame(expected.optimizerState(), actual.optimizerState());
  }

  private static void requireSame(
      Map<String, HostTensor> expected, Map<String, HostTensor> actual) {
    require(expected.keySet().equals(actual.keySet()), "other tensors");
    expected.forEach(
        (name, tensor) ->
            require(Arrays.equals(tensor.values(), actual.get(name).values()), "another " + name));
  }

  /** A training from the beginning, or one that goes on from its first epoch. */
  private static final class Training implements Scenario {
    private static final String[] MORE = {"--checkpoint-every", "0", "--keep", "1"};

    private final Path begun;
    private final boolean resumes;
    private Path whole = Path.of("");

    Training(Path base, boolean resumes) throws IOException {
      this.resumes = resumes;
      begun = Files.createDirectories(base.resolve("begun"));
      draw(base.resolve("data"), 32);
      if (resumes) {
        Outcome outcome = nin(begun, words(begun, "2"));
        require(outcome.code() == OK, outcome.toString());
      }
    }

    /** On pictures beside the folder. */
    private static String[] words(Path work, String epochs) {
      List<String> words = new ArrayList<>(List.of("train", "--device", "reference"));
      words.addAll(List.of("--network", "nin-mini", "--size", "8", "--batch", "8"));
      words.addAll(List.of("--threads", "1", "--epochs", epochs, "--seed", "3"));
      words.addAll(List.of("--dataset", "folder:" + work.resolveSibling("data")));
      words.addAll(List.of("--split", "0.25", "--preprocess", "gcn-zca"));
      words.addAll(List.of("--out", runs(work).toString()));
      words.addAll(List.of(MORE));
      return words.toArray(String[]::new);
    }

    private static Path runs(Path work) {
      return work.resolve("runs");
    }

    private static String[] goOn(Path run) {
      List<String> words = new ArrayList<>(List.of("train", "--resume", run.toString()));
      words.addAll(List.of("--epochs", "4", "--device", "reference", "--threads", "1"));
      words.addAll(List.of(MORE));
      return words.toArray(String[]::new);
    }

    @Override
    public void prepare(Path work) throws IOException {
      if (resumes) {
        copyTree(runs(begun), runs(work));
      }
    }

    @Override
    public Path watched(Path work) {
      return runs(work);
    }

    @Override
    public String[] command(Path work) throws IOException {
      return resumes ? goOn(list(runs(work)).get(0)) : words(work, "2");
    }

    @Override
    public void remember(Path work) throws IOException {
      whole = list(runs(work)).get(0);
    }

    private static List<Path> checkpoints(Path run) throws IOException {
      return list(run).stream().filter(f -> name(f).matches("(last|best|epoch-).*")).toList();
    }

    /** Every checkpoint there is can be read; none is older than what the user was told. */
    @Override
    public void requireIntact(Path work, Outcome outcome, boolean mayLeave) throws IOException {
      if (!mayLeave) {
        requireNoHalves(work);
      }
      List<Path> all = list(runs(work));
      require(all.size() <= 1, "runs: " + all);
      String told = String.join("\n", outcome.err());
      if (all.isEmpty()) {
        require(Faults.madeAnew() || !resumes && !told.contains("saved after"), "nothing is there");
        return;
      }
      require(
          mayLeave || RunConfigs.latest(all.get(0)).isPresent(),
          "a run that never began is left: " + list(all.get(0)));
      for (Path file : checkpoints(all.get(0))) {
        if (!name(file).endsWith(".part")) {
          Checkpoint.read(file);
        }
      }
      Path last = RunCheckpoints.last(all.get(0));
      require(
          !resumes || Faults.madeAnew() || Checkpoint.read(last).position().epoch() >= 2,
          "the last one became older");
      if (told.contains("the run is saved") && !Faults.madeAnew()) {
        String position = Checkpoint.read(last).position().toString();
        require(told.contains("the run is saved " + position), "not as told: " + position);
      }
    }

    @Override
    public void requireSameEnd(Path work, Outcome outcome) throws IOException {
      List<Path> all = list(runs(work));
      boolean begun =
          !all.isEmpty()
              && (RunConfigs.latest(all.get(0)).isPresent()
                  || Files.exists(RunCheckpoints.last(all.get(0))));
      if (!begun) {
        for (Path empty : all) {
          deleteTree(empty);
        }
      }
      boolean madeAnew = Faults.madeAnew();
      if (madeAnew && (all.isEmpty() || !Files.exists(RunCheckpoints.last(all.get(0))))) {
        return; // It was removed with the folder, after the last epoch.
      }
      List<String> words =
          new ArrayList<>(List.of(begun && !resumes ? resume(all.get(0)) : command(work)));
      Outcome again = nin(work, words.toArray(String[]::new));
      require(
          again.code() == OK
              || again.code() == USAGE
                  && String.join("", again.err()).contains("the run is complete"),
          "it does not go on: " + again.code() + again.err());
      require(
          outcome.code() != OK || madeAnew || again.code() == USAGE,
          "it was complete and goes on: " + again.code() + again.err());
      Path run = list(runs(work)).get(0);
      requireNoHalves(work);
      Checkpoint last = Checkpoint.read(RunCheckpoints.last(run));
      requireSame(Checkpoint.read(RunCheckpoints.last(whole)), last, !madeAnew);
      if (madeAnew) {
        return; // What else the folder held was removed with it.
      }
      requireSame(
          Checkpoint.read(RunCheckpoints.best(whole)), Checkpoint.read(RunCheckpoints.best(run)));
      require(
          last.history().toCsv().equals(Files.readString(run.resolve("history.csv"))),
          "another history.csv");
      // Which earlier one is kept depends on where it began again.
      require(files(whole).equals(files(run)), "other files: " + files(run));
    }

    private static String[] resume(Path run) {
      List<String> words = new ArrayList<>(List.of("train", "--resume", run.toString()));
      words.addAll(List.of("--device", "reference", "--threads", "1"));
      words.addAll(List.of(MORE));
      return words.toArray(String[]::new);
    }

    private static Set<String> files(Path run) throws IOException {
      return list(run).stream()
          .map(FailingFilesMain::name)
          .filter(name -> !name.matches("(config-|events|epoch-).*"))
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  /** An epoch on one's own data: pictures and their cache, or IDX files. */
  private static final class Loading implements Scenario {
    private static final int PICTURES = 12;

    private final Path template;
    private final boolean pictures;
    private Path whole = Path.of("");

    Loading(Path base, boolean pictures) throws IOException {
      this.pictures = pictures;
      template = Files.createDirectories(base.resolve("template"));
      if (pictures) {
        draw(template.resolve("data"), PICTURES);
      } else {
        Outcome outcome =
            nin(
                template,
                "data",
                "--dataset",
                "shapes",
                "--limit",
                "20",
                "--out",
                template.resolve("data").toString());
        require(outcome.code() == OK, outcome.toString());
      }
    }

    @Override
    public void prepare(Path work) throws IOException {
      copyTree(template.resolve("data"), work.resolve("watched").resolve("data"));
    }

    @Override
    public String[] command(Path work) {
      String data = watched(work).resolve("data").toString();
      List<String> words = new ArrayList<>(List.of("train", "--device", "reference"));
      words.addAll(List.of("--network", "nin-mini", "--size", "8", "--batch", "4"));
      words.addAll(List.of("--threads", "1", "--epochs", "1", "--limit", "8"));
      words.addAll(List.of("--out", work.resolve("runs").toString()));
      words.addAll(
          pictures
              ? List.of("--dataset", "folder:" + data, "--split", "0.34")
              : List.of("--dataset", "fashion-mnist", "--data", data));
      return words.toArray(String[]::new);
    }

    @Override
    public Shell shell(Path work) {
      return new Shell(work).with("NIN4J_CACHE", watched(work).resolve("cache").toString());
    }

    @Override
    public void remember(Path work) throws IOException {
      whole = list(work.resolve("runs")).get(0);
    }

    @Override
    public void requireIntact(Path work, Outcome outcome, boolean mayLeave) throws IOException {
      if (!mayLeave) {
        requireNoHalves(work);
      }
      require(
          outcome.code() == OK || list(work.resolve("runs")).isEmpty(),
          "a run without data is left");
      if (Faults.madeAnew()) {
        return; // Only the cache was.
      }
      for (Path file : tree(template.resolve("data"))) {
        if (Files.isRegularFile(file)) {
          Path copy = watched(work).resolve(template.relativize(file));
          require(Files.mismatch(file, copy) < 0, copy + " was changed");
        }
      }
    }

    @Override
    public void requireSameEnd(Path work, Outcome outcome) throws IOException {
      if (outcome.code() != OK) {
        if (Faults.madeAnew()) {
          return; // Its data did not come back.
        }
        Outcome again = shell(work).run(command(work));
        require(again.code() == OK, "not again: " + again.code() + again.err());
      }
      Path run = list(work.resolve("runs")).get(0);
      requireSame(
          Checkpoint.read(RunCheckpoints.last(whole)), Checkpoint.read(RunCheckpoints.last(run)));
    }
  }

  /** A run for others. */
  private static final class Exporting implements Scenario {
    private static final String[] NAMES = {"weights.safetensors", "network.onnx"};

    private final Path begun;
    private Path whole = Path.of("");

    Exporting(Path base) throws IOException {
      begun = Files.createDirectories(base.resolve("begun"));
      draw(base.resolve("data"), 12);
      Outcome outcome = nin(begun, Training.words(begun, "1"));
      require(outcome.code() == OK, outcome.toString());
    }

    @Override
    public void prepare(Path work) throws IOException {
      copyTree(begun.resolve("runs"), watched(work).resolve("runs"));
    }

    @Override
    public String[] command(Path work) throws IOException {
      return new String[] {
        "export",
        list(watched(work).resolve("runs")).get(0).toString(),
        "--safetensors",
        watched(work).resolve(NAMES[0]).toString(),
        "--onnx",
        watched(work).resolve(NAMES[1]).toString()
      };
    }

    @Override
    public void remember(Path work) {
      whole = watched(work);
    }

    @Override
    public void requireIntact(Path work, Outcome outcome, boolean mayLeave) throws IOException {
      if (!mayLeave) {
        requireNoHalves(work);
      }
      if (!Faults.madeAnew()) {
        Checkpoint.read(RunCheckpoints.best(list(watched(work).resolve("runs")).get(0)));
      }
      for (String name : NAMES) {
        Path file = watched(work).resolve(name);
        boolean there = Files.exists(file);
        require(there || outcome.code() != OK || Faults.madeAnew(), name + " is missing");
        require(!there || Files.mismatch(file, whole.resolve(name)) < 0, name + " differs");
      }
    }

    @Override
    public void requireSameEnd(Path work, Outcome outcome) throws IOException {
      if (Faults.madeAnew()) {
        return; // The run did not come back; what was exported is compared already.
      }
      for (Path file : tree(watched(work))) {
        if (name(file).endsWith(".part") || List.of(NAMES).contains(name(file))) {
          Files.delete(file);
        }
      }
      Outcome again = nin(work, command(work));
      require(again.code() == OK, "not again: " + again.code() + again.err());
      for (String name : NAMES) {
        require(
            Files.mismatch(watched(work).resolve(name), whole.resolve(name)) < 0,
            name + " differs");
      }
    }
  }
}
