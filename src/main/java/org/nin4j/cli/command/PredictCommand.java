package org.nin4j.cli.command;

import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.nin4j.backend.Backend;
import org.nin4j.cli.option.DataSource;
import org.nin4j.cli.option.DeviceOptions;
import org.nin4j.cli.output.Answers;
import org.nin4j.cli.output.Console;
import org.nin4j.cli.output.ExitCode;
import org.nin4j.cli.output.Failures;
import org.nin4j.data.DataException;
import org.nin4j.data.picture.ImageFile;
import org.nin4j.data.picture.Picture;
import org.nin4j.data.picture.PictureFiles;
import org.nin4j.text.Text;
import org.nin4j.train.Classifier;
import org.nin4j.train.Evidence;
import org.nin4j.train.Prediction;
import org.nin4j.train.checkpoint.Checkpoint;
import org.nin4j.train.picture.EvidenceSheet;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Says what pictures show. */
@Command(
    header = "Says what pictures show.",
    description = {
      "%nPrints the checkpoint used and the most probable classes of each picture, as they are found."
          + " Of a folder, all pictures in it and in the folders below it are taken, by their names,"
          + " sorted by path; hidden files are not. Pictures are turned upright as their camera"
          + " says, scaled to the size of the data set's images (cropped at the centre first, where"
          + " the network was trained on a folder) and, where those are grey, turned grey. What is"
          + " transparent becomes black. A picture that cannot be read, or has too many pixels, and a"
          + " folder without any get a line of their own on standard error; the others are answered,"
          + " and the exit code is that of the first bad one.",
      ""
    },
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  ${ROOT-COMMAND-NAME} predict shirt.png",
      "  ${ROOT-COMMAND-NAME} predict --invert photo.jpg",
      "  ${ROOT-COMMAND-NAME} predict --top 1 --csv holidays > holidays.csv",
      "  ${ROOT-COMMAND-NAME} predict --json - < shirt.png",
      "  ${ROOT-COMMAND-NAME} predict --maps maps.png shirt.png photo.jpg",
      "  ${ROOT-COMMAND-NAME} predict --checkpoint runs/20250131-235959-nin *.png"
    })
public final class PredictCommand implements Callable<Integer> {
  private static final String STANDARD_INPUT = "-";

  /** Pictures that are decoded and answered together, at most, and the memory for them. */
  private static final int MOST_TOGETHER = 256;

  private static final int BYTES_TOGETHER = 64 << 20;

  /** A thread that decodes may need as much for one picture. */
  private static final long HEAP_FOR_A_THREAD = 1 << 28;

  private final Console console;

  @Spec private CommandSpec command;

  @Parameters(
      arity = "1..*",
      paramLabel = "IMAGE",
      description =
          "PNG, JPEG, GIF, BMP or WebP files, folders of them, or - for one picture's bytes from standard"
              + " input; one thing on a black ground is seen best.")
  private List<Path> images = List.of();

  @Option(
      names = "--checkpoint",
      paramLabel = "PATH",
      description =
          "A run's folder (its best checkpoint) or a checkpoint file. Default: the latest run in "
              + Runs.FOLDER
              + ".")
  private Optional<Path> checkpoint = Optional.empty();

  @Option(
      names = "--top",
      paramLabel = "N",
      description =
          "How many classes to name, the most probable first. Default: 5; in a table as many of"
              + " them as 80 columns hold.")
  private Optional<Integer> top = Optional.empty();

  @Option(
      names = "--json",
      description =
          "Print a JSON object in a line for each picture: picture, and answers with class, label"
              + " and probability. Default: a table.")
  private boolean json;

  @Option(
      names = "--csv",
      description =
          "Print CSV, a line for each answer: picture, rank, class, label, probability. Default: a"
              + " table.")
  private boolean csv;

  @Option(
      names = "--maps",
      paramLabel = "PATH",
      description =
          "Draw where the network sees the classes that are named, over the pictures as it is given"
              + " them: into one FILE.png (up to "
              + EvidenceSheet.MOST_ROWS
              + " pictures), or a file for each into a folder, numbered. For networks that end in a"
              + " global average pool, with at most a linear layer after it. Default: none.")
  private Optional<Path> maps = Optional.empty();

  @Option(
      names = "--invert",
      description = "Swap dark and light: for dark things on a light ground. Default: as they are.")
  private boolean invert;

  @Mixin private DeviceOptions deviceOptions;

  private Optional<ExitCode> failure = Optional.empty();

  public PredictCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    requireSense();
    Checkpoint trained = Runs.read(checkpoint, json || csv ? console.err() : console.out());
    List<Path> files = files();
    boolean oneSheet = maps.map(PredictCommand::isPng).orElse(false);
    if (oneSheet && files.size() > EvidenceSheet.MOST_ROWS) {
      throw new ParameterException(
          command.commandLine(),
          Text.of(
              "%s shows at most %d pictures, not %d; name a folder for --maps",
              maps.get(), EvidenceSheet.MOST_ROWS, files.size()));
    }
    if (!files.isEmpty()) {
      answer(trained, files, oneSheet);
    }
    return failure.orElse(ExitCode.OK).number();
  }

  private void requireSense() {
    if (json && csv) {
      throw new ParameterException(command.commandLine(), "--json or --csv, not both");
    }
    if (top() < 1) {
      throw new ParameterException(
          command.commandLine(), "--top names at least 1 class, not " + top());
    }
    if (images.stream().filter(PredictCommand::isStandardInput).count() > 1) {
      throw new ParameterException(
          command.commandLine(), "standard input holds one picture; name - once");
    }
  }

  private int top() {
    return top.orElse(Answers.USUAL);
  }

  private static boolean isStandardInput(Path image) {
    return image.toString().equals(STANDARD_INPUT);
  }

  static boolean isPng(Path file) {
    return file.toString().toLowerCase(Locale.ROOT).endsWith(".png");
  }

  /** What is named, with a folder's pictures in its place. */
  private List<Path> files() {
    Set<Path> files = new LinkedHashSet<>();
    for (Path image : images) {
      if (isStandardInput(image) || !Files.isDirectory(image)) {
        files.add(image);
        continue;
      }
      List<Path> below = PictureFiles.below(image, this::fail);
      if (below.isEmpty()) {
        fail(
            new DataException(
                Text.of(
                    "there are no pictures in the folder %s (no files %s)",
                    image,
                    ImageFile.ENDINGS.stream()
                        .map(e -> "." + e)
                        .collect(Collectors.joining(", ")))));
      }
      files.addAll(below);
    }
    return List.copyOf(files);
  }

  private void fail(RuntimeException e) {
    console.err().println(Failures.line(command, e));
    failure = failure.or(() -> Optional.of(Failures.code(e)));
  }

  /** A picture and its pixels. */
  private record Read(Path file, byte[] pixels) {}

  private void answer(Checkpoint trained, List<Path> files, boolean oneSheet) {
    int imageSize = Math.toIntExact(trained.image().elements());
    int together = Math.max(1, Math.min(MOST_TOGETHER, BYTES_TOGETHER / imageSize));
    long room = Math.max(1, Runtime.getRuntime().maxMemory() / HEAP_FOR_A_THREAD);
    ExecutorService decoders =
        Executors.newFixedThreadPool((int) Math.min(deviceOptions.threads(), room));
    try (Backend backend = deviceOptions.open();
        Classifier classifier = new Classifier(trained, backend)) {
      Optional<Maps> drawn = maps.map(to -> new Maps(classifier, trained, to, oneSheet));
      int longest = files.stream().mapToInt(f -> f.toString().length()).max().orElse(0);
      Optional<Answers> answers = Optional.empty();
      for (int from = 0; from < files.size(); from += together) {
        List<Path> part = files.subList(from, Math.min(files.size(), from + together));
        List<Read> good = read(trained, part, decoders);
        List<Prediction> predictions =
            classifier.classify(good.stream().map(Read::pixels).toList());
        for (int i = 0; i < good.size(); i++) {
          Answers printed = answers.orElseGet(() -> answers(trained, longest));
          answers = Optional.of(printed);
          Read read = good.get(i);
          printed.print(read.file().toString(), predictions.get(i).top(top()));
          warn(trained, read);
          drawn.ifPresent(m -> m.draw(read));
        }
      }
      drawn.ifPresent(Maps::end);
    } finally {
      decoders.shutdownNow();
    }
  }

  /** Evidence maps, in one file or in a file for each picture. */
  private final class Maps {
    private final Classifier classifier;
    private final Checkpoint trained;
    private final Path to;
    private final boolean oneSheet;
    private final List<EvidenceSheet.Row> rows = new ArrayList<>();
    private int number;
    private boolean flat;

    Maps(Classifier classifier, Checkpoint trained, Path to, boolean oneSheet) {
      classifier.requireExplains();
      this.classifier = classifier;
      this.trained = trained;
      this.to = to;
      this.oneSheet = oneSheet;
    }

    void draw(Read read) {
      number++;
      Evidence evidence = classifier.evidence(read.pixels());
      flat = evidence.maps().shape().elements() == trained.classes().size();
      EvidenceSheet.Row row =
          new EvidenceSheet.Row(name(read.file()), read.pixels(), trained.image(), evidence);
      if (oneSheet) {
        rows.add(row);
      } else {
        String file = Text.of("%04d-%s.png", number, name(read.file()));
        EvidenceSheet.write(List.of(row), top(), to.resolve(file));
      }
    }

    void end() {
      if (flat) {
        console
            .err()
            .println(
                Text.of(
                    "%s: the maps have one place only (1×1) at the size that %s was trained on; a larger --size in training shows where",
                    command.qualifiedName(), trained.network().name()));
      }
      if (oneSheet && !rows.isEmpty()) {
        EvidenceSheet.write(rows, top(), to);
      }
      if (number > 0) {
        (json || csv ? console.err() : console.out()).println("written: " + to);
      }
    }
  }

  private static String name(Path file) {
    return isStandardInput(file) ? "standard input" : file.getFileName().toString();
  }

  private Answers answers(Checkpoint trained, int longestName) {
    if (json) {
      return Answers.json(console.out());
    }
    if (csv) {
      return Answers.csv(console.out());
    }
    int most = top.orElseGet(() -> Answers.fitting(longestName, trained.classes()));
    return Answers.table(console.out(), longestName, trained.classes(), most);
  }

  /** The pixels of those that can be read, on all threads; the others are named. */
  private List<Read> read(Checkpoint trained, List<Path> files, ExecutorService decoders) {
    Picture.Fit fit = fit(trained);
    List<Future<byte[]>> pixels = new ArrayList<>();
    for (Path file : files) {
      pixels.add(
          decoders.submit(
              () ->
                  isStandardInput(file)
                      ? ImageFile.read(console.in(), "standard input", trained.image(), fit, invert)
                      : ImageFile.read(file, trained.image(), fit, invert)));
    }
    List<Read> good = new ArrayList<>();
    for (int i = 0; i < pixels.size(); i++) {
      try {
        good.add(new Read(files.get(i), pixels.get(i).get()));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted while pictures are read", e);
      } catch (ExecutionException e) {
        if (e.getCause() instanceof Error error) {
          throw error;
        }
        RuntimeException cause = (RuntimeException) e.getCause();
        if (!(cause instanceof DataException) && !(cause instanceof UncheckedIOException)) {
          throw cause;
        }
        fail(cause);
      }
    }
    return good;
  }

  /** As the pictures of its folder were brought to size, where it was trained on one. */
  static Picture.Fit fit(Checkpoint trained) {
    return isOfFolder(trained) ? Picture.Fit.CROP : Picture.Fit.STRETCH;
  }

  private static boolean isOfFolder(Checkpoint trained) {
    return DataSource.isFolder(trained.recipe().dataset());
  }

  private void warn(Checkpoint trained, Read read) {
    boolean onBlack = !isOfFolder(trained) && trained.image().dim(0) == 1;
    ImageFile.warning(read.pixels(), trained.image(), invert, onBlack)
        .ifPresent(
            warning ->
                console
                    .err()
                    .println(command.qualifiedName() + ": " + read.file() + " " + warning));
  }
}
